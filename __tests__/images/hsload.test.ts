import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findTool } from '../support/tools';

const SCRIPT = path.join(__dirname, '../../images/hsload/index.sh');
const folder = mkdtempSync(path.join(tmpdir(), 'hsload-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Programs that write their calls into a log; `aws sqs receive-message` hands out the given bodies, one at a time. */
function programs(
  bodies: readonly string[],
  hsload = 'exit 0',
): { env: Record<string, string>; calls: () => string[] } {
  const bin = mkdtempSync(path.join(folder, 'bin-'));
  const log = path.join(bin, 'log');
  writeFileSync(log, '');
  bodies.forEach((body, index) => {
    writeFileSync(
      path.join(bin, `message-${index}`),
      JSON.stringify({ Messages: [{ ReceiptHandle: `receipt-${index}`, Body: body }] }),
    );
  });
  const write = (name: string, text: string) => {
    writeFileSync(path.join(bin, name), `#!/usr/bin/env bash\necho "${name} $*" >>'${log}'\n${text}\n`);
    chmodSync(path.join(bin, name), 0o755);
  };
  write(
    'aws',
    `if [ "$2" = receive-message ]; then for file in '${bin}'/message-*; do [ -e "$file" ] && cat "$file" && rm "$file" && exit; done; fi; exit 0`,
  );
  write('hsload', `echo "endpoint $HS_ENDPOINT user $HS_USERNAME" >>'${log}'\n${hsload}`);
  write('hsrm', 'exit 1');
  write('hstouch', 'exit 0');
  return {
    env: {
      PATH: `${bin}:${process.env.PATH}`,
      WORK_QUEUE_URL: 'https://queue',
      FILES_TABLE: 'BasicFusionFiles',
      AWS_DEFAULT_REGION: 'us-east-1',
      HS_USERNAME: 'admin',
      HS_PASSWORD: 'secret',
    },
    calls: () =>
      readFileSync(log, 'utf8')
        .trim()
        .split('\n')
        .filter((line) => !line.includes('receive-message')),
  };
}

const message = (key: string) =>
  JSON.stringify({
    domain: '/home/admin/terra/',
    hsds_endpoint: 'http://hsds:5101',
    s3_input_file: `s3://archive/${key}`,
  });
const here = findTool('jq') ? test : test.skip;

here('indexes each file, records it, and deletes its message last', () => {
  const { env, calls } = programs([message('P22/a.h5')]);
  const { status } = spawnSync('bash', [SCRIPT], { env });

  expect(status).toBe(0);
  expect(calls()).toEqual([
    'hstouch /home/admin/terra/P22/',
    'hsrm /home/admin/terra/P22/a.h5',
    'hsload --link s3://archive/P22/a.h5 /home/admin/terra/P22/a.h5',
    'endpoint http://hsds:5101 user admin',
    expect.stringMatching(
      /^aws dynamodb update-item --table-name BasicFusionFiles --key \{"FilePath":\{"S":"P22\/a.h5"\}\} --update-expression SET IndexedAt = :now/,
    ),
    'aws sqs delete-message --queue-url https://queue --receipt-handle receipt-0',
  ]);
});

here('keeps the message of a file that could not be indexed, and goes on with the next', () => {
  const { env, calls } = programs([message('bad.h5'), message('good.h5')], 'case "$2" in *bad*) exit 1;; esac');
  const { status } = spawnSync('bash', [SCRIPT], { env });

  expect(status).toBe(1);
  expect(calls().filter((call) => call.includes('delete-message'))).toEqual([
    'aws sqs delete-message --queue-url https://queue --receipt-handle receipt-1',
  ]);
});

here.each(['no JSON', '{}', '{"domain":"/d/","hsds_endpoint":"h","s3_input_file":"local.h5"}'])(
  'leaves a message that is no file to index: %s',
  (body) => {
    const { env, calls } = programs([body]);
    const { status } = spawnSync('bash', [SCRIPT], { env });

    expect(status).toBe(1);
    expect(calls().join()).not.toContain('hsload');
    expect(calls().join()).not.toContain('delete-message');
  },
);

test('names the variable that is not set', () => {
  const { stderr, status } = spawnSync('bash', [SCRIPT], { env: { PATH: process.env.PATH ?? '' }, encoding: 'utf8' });

  expect(status).not.toBe(0);
  expect(stderr).toContain('WORK_QUEUE_URL: is not set');
});

(findTool('shellcheck') ? test : test.skip)('passes shellcheck', () => {
  expect(execFileSync('shellcheck', [SCRIPT], { encoding: 'utf8' })).toBe('');
});
