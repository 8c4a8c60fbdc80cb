import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleFigures } from '../../bench/functions';
import {
  LENGTHS,
  type Measured,
  measure,
  orchestrationFigures,
  upstreamDollars,
  WAITS,
} from '../../bench/orchestration';
import { type Figure, isWorse, type Report, storedOf } from '../../bench/report';
import { submissionFigures } from '../../bench/submissions';

const file = (name: string) => readFileSync(join(__dirname, '../..', name), 'utf8');

describe('The orchestration of a healthy job', () => {
  let measured: readonly Measured[];
  const [MINUTE, EIGHT_MINUTES, HOUR, DAY] = [0, 1, 2, 3];
  const of = (index: number): Measured => {
    const one = measured[index];
    if (!one) throw new Error(`There is no length ${index}.`);
    return one;
  };
  beforeAll(async () => {
    measured = await Promise.all(LENGTHS.map(([, seconds]) => measure({ seconds })));
  });

  it('succeeds', () => {
    expect(measured.map(({ end }) => end.status)).toEqual(Array(4).fill('SUCCEEDED'));
  });

  it('takes eight state transitions, nine Lambda requests and 29 calls of AWS, up to a quarter of an hour', () => {
    for (const { cost, calls } of [of(MINUTE), of(EIGHT_MINUTES)]) {
      expect({ ...cost, calls }).toMatchObject({ transitions: 8, requests: 9, calls: 29 });
    }
  });

  it("costs at most $0.0004 for eight minutes, a third of upstream's", () => {
    expect(of(EIGHT_MINUTES).cost.dollars).toBeLessThanOrEqual(0.0004);
    expect(of(EIGHT_MINUTES).cost.dollars).toBeLessThan(upstreamDollars(480) / 3);
  });

  it('costs less than $0.0002 more for each further hour', () => {
    expect((of(DAY).cost.dollars - of(HOUR).cost.dollars) / 23).toBeLessThan(0.0002);
  });

  it('ends the instance within two seconds of the job', () => {
    for (const { secondsFromJobEndToTerminate } of measured) expect(secondsFromJobEndToTerminate).toBeLessThan(2);
  });

  it('costs what the README says', () => {
    const rows = measured.map(({ cost, secondsFromJobEndToTerminate }, index) => {
      const [length, seconds] = LENGTHS[index] ?? ['', 0];
      const { transitions, requests, gbSeconds, dollars } = cost;
      const upstream = upstreamDollars(seconds).toFixed(5);
      return `| ${length} | ${transitions} | ${requests} | ${gbSeconds.toFixed(1)} | $${dollars.toFixed(5)} | $${upstream} | ${secondsFromJobEndToTerminate.toFixed(1)} s |`;
    });
    const section = file('README.md').split('## What it costs')[1]?.split('\n## ')[0] ?? '';

    expect(section.split('\n').filter((line) => /^\| \d/.test(line))).toEqual(rows);
  });
});

describe('The wait for inputs', () => {
  const wait = async (index: number) => measure({ seconds: 60, inputs: WAITS[index]?.[1] });

  it('adds no transition where the inputs are there', async () => {
    expect((await wait(0)).cost.transitions).toBe(8);
  });

  // 18 signed requests would be $0.0000072 more (S3's list price: $0.0004 for 1,000).
  it.each([
    [1, 'SUCCEEDED', 0.001],
    [2, 'FAILED', 0.01],
  ])('costs what it may, with the requests to S3: %d, %s', async (index, status, most) => {
    const { end, cost, heads } = await wait(index);
    const ungated = status === 'SUCCEEDED' ? (await measure({ seconds: 60 })).cost.dollars : 0;

    expect(end.status).toBe(status);
    expect(cost.dollars - ungated + heads * 0.0000004).toBeLessThanOrEqual(most);
  });
});

describe('Every figure that needs no clock', () => {
  const stored = JSON.parse(file('docs/performance.json')) as Report;
  let figures: readonly Figure[];
  beforeAll(async () => {
    figures = [...(await orchestrationFigures()), ...(await submissionFigures()), ...bundleFigures()];
  });

  it('is stored', () => {
    expect(figures.filter((figure) => !storedOf(figure, stored)).map(({ name }) => name)).toEqual([]);
  });

  it('is not worse by more than a tenth than the stored one', () => {
    expect(figures.filter((figure) => isWorse(figure, storedOf(figure, stored)))).toEqual([]);
  });

  it('has three transitions of a submitted job beside its own: $0.075 for a thousand', () => {
    const submission = figures.filter(({ section }) => section.startsWith('a submission'));

    expect(submission.map(({ value }) => value)).toEqual([3, expect.closeTo(0.075)]);
  });

  it("stays, at fourteen days and longer, under Step Functions' limits", () => {
    const history = figures.filter(({ section }) => section.startsWith('history'));
    const worst = (unit: string) => Math.max(...history.filter((each) => each.unit === unit).map(({ value }) => value));

    expect(history).toHaveLength(6);
    expect(worst('')).toBeLessThan(25_000 / 2);
    expect(worst('bytes')).toBeLessThan(262_144 / 2);
  });
});
