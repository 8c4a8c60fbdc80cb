import { type Figure, isWorse, median, parseReport, type Report, table, text, verdict } from '../../bench/report';

const figure = (name: string, value: number, rest: Partial<Figure> = {}): Figure => ({
  section: 'some',
  name,
  value,
  unit: 's',
  ...rest,
});
const report = (machine: string, ...figures: Figure[]): Report => ({ machine, figures, missing: [] });

describe('A report', () => {
  it('is read as it was stored, and where it is damaged what is wrong is said', () => {
    const stored = report('this one', figure('load', 20, { measured: true, yardstick: 10 }));

    expect(parseReport(JSON.stringify(stored))).toEqual(stored);
    expect(() => parseReport('{"machine": "this')).toThrow(SyntaxError);
    expect(() => parseReport('{}')).toThrow(/^machine: /);
    expect(() => parseReport('{"machine":"x","missing":[],"figures":[{"section":"s"}]}')).toThrow(
      /^figures\.0\.name: /,
    );
  });

  it('says what is worse by more than a tenth than the stored one, and by how much', () => {
    const stored = report('this one', figure('same', 10), figure('bit', 10), figure('much', 10), figure('better', 10));
    const now = report('this one', figure('same', 10), figure('bit', 11), figure('much', 11.5), figure('better', 5));

    expect(verdict(now, stored)).toEqual(['Worse by more than a tenth: some, much: 11.5 s, was 10 s.']);
    expect(table(now, stored).split('\n').slice(3)).toEqual([
      '| same | 10 s |  | 10 s |  |',
      '| bit | 11 s |  | 10 s | +10 % |',
      '| much | 11.5 s |  | 10 s | +15 %, worse |',
      '| better | 5 s |  | 10 s | -50 % |',
    ]);
  });

  it('says of what is measured that the stored one was measured elsewhere, and of a count nothing', () => {
    const stored = report('another', figure('memory', 10, { measured: true }), figure('calls', 10, { unit: '' }));
    const now = report('this one', figure('memory', 20, { measured: true }), figure('calls', 20, { unit: '' }));

    expect(verdict(now, stored)).toEqual([
      'Worse by more than a tenth: some, memory: 20 s, was 10 s (the stored one was measured on another).',
      'Worse by more than a tenth: some, calls: 20, was 10.',
      'What is measured may be better in another run: npm run bench.',
    ]);
  });

  it('compares a time by what the yardstick took meanwhile', () => {
    const time = (name: string, value: number, yardstick: number) =>
      figure(name, value, { measured: true, yardstick, unit: 'ms' });
    const stored = report('one', time('on a slow day', 10, 10), time('slower', 10, 10));
    const now = report('one', time('on a slow day', 20, 20), time('slower', 20, 16));

    expect(table(now, stored).split('\n').slice(3)).toEqual([
      '| on a slow day | 20 ms | 1.00 × the yardstick | 10 ms |  |',
      '| slower | 20 ms | 1.25 × the yardstick | 10 ms | +25 %, worse |',
    ]);
    expect(verdict(now, stored)).toEqual([
      'Worse by more than a tenth: some, slower: 20 ms, 1.25 × the yardstick, was 10 ms, 1.00 × the yardstick.',
      'What is measured may be better in another run: npm run bench.',
    ]);
  });

  it('says which stored figure is measured no more, and that nothing is worse', () => {
    expect(verdict(report('one'), report('one', figure('plan', 3)))).toEqual([
      'Stored, but not measured now: some, plan.',
      'Nothing is worse by more than a tenth than in the stored report.',
    ]);
  });

  it('says so when there is nothing to compare with', () => {
    expect(verdict(report('one', figure('plan', 3)), undefined)).toEqual([expect.stringContaining('--write')]);
  });

  it('takes anything for worse than nothing', () => {
    expect(isWorse(figure('broken', 1), figure('broken', 0))).toBe(true);
    expect(isWorse(figure('broken', 0), figure('broken', 0))).toBe(false);
  });

  it.each([
    [0.00030886, '$', '$0.0003089'],
    [559.4, 's', '559 s'],
    [37.8, 's', '37.8 s'],
    [0.98, 's', '0.980 s'],
    [103, '', '103'],
    [0, '', '0'],
  ])('writes %d %s as %s', (value, unit, written) => {
    expect(text(figure('any', value, { unit }))).toBe(written);
  });

  it('takes the middle one', () => {
    expect(median([9, 1, 100])).toBe(9);
    expect(median([9, 1, 100, 11])).toBe(10);
    expect(median([7])).toBe(7);
  });
});
