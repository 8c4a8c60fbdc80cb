import { type Finding, printFindings } from '../../../cli/output/findings';

const FINDINGS: readonly Finding[] = [
  { check: 'identity', severity: 'ok', text: 'arn:aws:iam::123456789012:user/operator' },
  { check: 'schedules', severity: 'fail', text: 'a/b has no schedule.', mend: 'npx cdktf deploy' },
  { check: 'schedules', severity: 'fail', text: 'a/c has no schedule.', mend: 'npx cdktf deploy' },
  {
    check: 'cost-tag',
    severity: 'warn',
    text: "The tag is not activated: Cost Explorer cannot tell this machine's costs apart.",
    mend: 'aws ce update-cost-allocation-tags-status --cost-allocation-tags-status TagKey=x,Status=Active',
  },
];

function printed(columns?: number): string {
  const texts: string[] = [];
  printFindings(FINDINGS, { write: (text) => texts.push(text), ...(columns && { isTTY: true, columns }) });
  return texts.join('');
}

describe('Findings', () => {
  it('stand in lines of three columns, what mends them below', () => {
    expect(printed()).toBe(
      [
        'ok       identity      arn:aws:iam::123456789012:user/operator',
        'FAIL     schedules     a/b has no schedule.',
        'FAIL     schedules     a/c has no schedule.',
        '    npx cdktf deploy',
        "warn     cost-tag      The tag is not activated: Cost Explorer cannot tell this machine's costs apart.",
        '    aws ce update-cost-allocation-tags-status --cost-allocation-tags-status TagKey=x,Status=Active',
        '1 ok, 1 warning, 2 FAIL',
        '',
      ].join('\n'),
    );
  });

  it('are broken on a terminal, within the third column; a command never is', () => {
    process.env.NO_COLOR = '1';
    const lines = printed(80).split('\n');
    delete process.env.NO_COLOR;

    expect(lines.filter((line) => line.length > 80)).toEqual([expect.stringMatching(/^ {4}aws ce /)]);
    expect(lines).toContainEqual(expect.stringMatching(/^ {23}\S/));
  });
});
