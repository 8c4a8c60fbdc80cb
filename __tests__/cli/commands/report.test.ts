import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES, inNewFolders } from '../../support/cli';

const { datastream, file, path } = inNewFolders();

const RIVERS = join(EXAMPLES, 'schedules/rivers.matrix.json');
const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:sm';

describe('datastream report', () => {
  it.each([
    ['no machine', [RIVERS], 2, /^Which state machine is meant is not known: write --arn/],
    ['days that are not possible', [RIVERS, '--days', '91'], 2, /whole number from 1 to 90/],
    ['a page of another kind', [RIVERS, '--out', 'report.pdf'], 2, /a name such as report\.html/],
    ['a matrix that is not there', ['no.json', '--arn', ARN], 2, /there is no such file/],
    ['a matrix with errors', ['bad.json', '--arn', ARN], 1, /this matrix has errors/],
  ])('says what is wrong with %s', (_, args, code, message) => {
    file('bad.json', { matrix: 'bad', streams: {} });

    const { status, stdout, stderr } = datastream('report', ...args);

    expect({ status, stdout }).toEqual({ status: code, stdout: '' });
    expect(stderr).toMatch(message);
    expect(existsSync(path('report.html'))).toBe(false);
  });

  it('exits 5 where AWS cannot be asked, and writes nothing', () => {
    const { status, stdout, stderr } = datastream('report', RIVERS, '--arn', ARN);

    expect({ status, stdout }).toEqual({ status: 5, stdout: '' });
    expect(stderr).not.toBe('');
    expect(existsSync(path('report.html'))).toBe(false);
  });
});
