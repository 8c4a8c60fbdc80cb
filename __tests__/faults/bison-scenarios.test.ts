import { definition } from '../../constructs/bison/definition';
import type { EmbeddedBison } from '../../local/bison';
import { literal } from '../../local/duckdb';
import { RAW } from '../support/bison';
import { type BisonScenario, FEW, nth, play } from './bison';

const outcome = ({ status, error, broken }: Awaited<ReturnType<typeof play>>) => ({ status, error, broken });
const GOOD = { status: 'SUCCEEDED', error: undefined, broken: [] };
const failed = (error: string) => ({ status: 'FAILED', error, broken: [] });

/** Takes the instance of the first runs. */
const losing = (runs: number): BisonScenario => ({
  ingested: async (run, healthy, month) => {
    const { ec2 } = month.cloud;
    const [id = ''] = [...ec2.instances].at(-1) ?? [];
    if (run <= runs) ec2.interrupt(id);
    return healthy();
  },
});

describe("GBIF's download", () => {
  test.each(['FAILED', 'KILLED'] as const)('that ends %s ends the month', async (ends) => {
    const played = await play({ making: { ends } });

    expect(outcome(played)).toEqual(failed('DownloadFailed'));
    expect(played.cause).toContain(`is ${ends}`);
    expect(played.month.cloud.calls('RunInstances')).toBe(0);
  });

  test('that is not there after a day ends the month then', async () => {
    const played = await play({ making: { takes: Number.POSITIVE_INFINITY } });

    expect(outcome(played)).toEqual(failed('DownloadLate'));
    expect(played.minutes).toBeGreaterThanOrEqual(24 * 60);
    // The job of the list comes first.
    expect(played.minutes).toBeLessThan(24 * 60 + 25 + 20);
  });

  test('whose key has another form is put into no command', async () => {
    const played = await play({ keys: ['0004219-251025141854904; rm -rf /'] });

    expect(outcome(played)).toEqual(failed('InvalidKey'));
    expect(played.month.cloud.calls('RunInstances')).toBe(0);
  });

  test.each([503, 429])('is asked for again where GBIF answers %d', async (status) => {
    const played = await play({ gbifAnswer: (_call, number) => (number % 3 === 2 ? status : undefined) });

    expect(outcome(played)).toEqual(GOOD);
  });

  test('is not asked for where GBIF refuses the password', async () => {
    const played = await play({ gbifAnswer: () => 401 });

    expect(outcome(played)).toEqual(failed('DownloadRefused'));
  });
});

describe('before anything is started', () => {
  test('inputs that are missing are named', async () => {
    const played = await play({ inputs: false });

    expect(outcome(played)).toEqual(failed('InputsMissing'));
    expect(played.cause).toContain('input/county.gpkg');
    expect(played.cause).toContain('input/USRIISv2_MasterList.csv');
    expect(played.month.gbif.downloads).toEqual([]);
  });

  test('a DataStream whose jobs use another bucket alone is refused', async () => {
    const played = await play({ logBucket: 'hydrology' });

    expect(outcome(played)).toEqual(failed('BucketUnreachable'));
    expect(played.cause).toContain('s3://hydrology alone');
    expect(played.month.gbif.calls).toEqual([]);
    expect(played.month.cloud.calls('RunInstances')).toBe(0);
  });

  test.each([{ snapshot: '2025-11-15' }, { snapshot: '2026-02-01' }, { download: 'latest' }, { more: 1 }])(
    'the input %j is refused',
    async (input) => {
      const played = await play({ input });

      expect(outcome(played)).toEqual(failed('InvalidInput'));
      expect(played.month.gbif.calls).toEqual([]);
    },
  );
});

describe('the ingest', () => {
  test('whose spot instance is lost twice succeeds on demand', async () => {
    const played = await play(losing(2));

    expect(outcome(played)).toEqual(GOOD);
    const markets = [...played.month.cloud.ec2.instances.values()].map(
      ({ api }) => api.InstanceLifecycle ?? 'on-demand',
    );
    expect(markets).toEqual(['spot', 'spot', 'on-demand']);
  });

  test('whose instance is lost three times ends the month', async () => {
    const played = await play(losing(3));

    expect(outcome(played)).toEqual(failed('States.TaskFailed'));
    expect(played.cause).toMatch(/InstanceLost|SpotInterrupted/);
    expect(played.month.glue.crawls).toBe(0);
  });

  test('that leaves an old object ends the month', async () => {
    const played = await play({
      meanwhile: ({ month }) => month.cloud.s3.put(month.bucket, RAW, FEW),
      ingested: async () => ({ code: 0 }),
    });

    expect(outcome(played)).toEqual(failed('States.TaskFailed'));
    expect(played.cause).toContain('ObjectStale');
  });
});

describe('the crawl', () => {
  test('that fails ends the month with its message', async () => {
    const played = await play({ crawl: () => ({ error: 'Service Principal: glue.amazonaws.com is not authorized' }) });

    expect(outcome(played)).toEqual(failed('CrawlFailed'));
    expect(played.cause).toContain('is not authorized');
  });

  test('that never ends is given up after an hour', async () => {
    const played = await play({ crawl: () => ({ takes: Number.POSITIVE_INFINITY }) });

    expect(outcome(played)).toEqual(failed('CrawlLate'));
    // Three hours of GBIF, which is seen a quarter later at the most, 40 minutes of ingest, and what an instance takes.
    expect(played.minutes - 180 - 40).toBeGreaterThan(60);
    expect(played.minutes - 180 - 40).toBeLessThan(63 + 15);
  });

  test('that is READY from an earlier one is waited for', async () => {
    const early: string[] = [];
    const played = await play({
      crawl: (crawl) => (crawl === 1 ? { takes: 60_000 } : { beginsAfter: 5 * 60_000, takes: 60_000 }),
      meanwhile: ({ month, clock }) => {
        // Another crawl an hour before: its READY must not count.
        void month.glue.startCrawler({ Name: 'bison' }).then(() => early.push(clock.now().toISOString()));
      },
    });

    expect(outcome(played)).toEqual(GOOD);
    expect(early).toHaveLength(1);
    expect(played.month.glue.crawls).toBe(2);
  });
});

describe('the schema', () => {
  test.each<[string, (text: string) => string, string]>([
    ['without a column', (text) => text.replace('taxonRank', 'rank'), 'taxonrank is missing'],
    [
      'with another type',
      (text) =>
        text.replaceAll(
          /\t(HUMAN_OBSERVATION|OBSERVATION|OCCURRENCE|PRESERVED_SPECIMEN|FOSSIL_SPECIMEN|MATERIAL_SAMPLE)\t/g,
          '\t1.5\t',
        ),
      'basisofrecord is double',
    ],
  ])('%s is told before the first query', async (_what, change, problem) => {
    const played = await play({ occurrences: change(FEW) });

    expect(outcome(played)).toEqual(failed('SchemaChanged'));
    expect(played.cause).toContain(problem);
    expect(played.month.calls('StartQueryExecution')).toBe(0);
  });
});

describe('a query', () => {
  test('that fails ends the month', async () => {
    const played = await play({
      query: (query) => (query === 2 ? { error: 'HIVE_BAD_DATA: Error reading field' } : {}),
    });

    expect(outcome(played)).toEqual(failed('States.TaskFailed'));
    expect(played.cause).toContain('HIVE_BAD_DATA');
  });

  test('that would read more than the limit is not started', async () => {
    const played = await play({ scanLimitBytes: 1_000 });

    expect(outcome(played)).toEqual(failed('ScanLimitExceeded'));
    expect(played.month.calls('StartQueryExecution')).toBe(0);
  });
});

describe('a job', () => {
  test('whose child ends with 1 ends the month', async () => {
    const played = await play({
      container: async ({ arrayIndex }, name, standIn) =>
        name === 'annotate' && arrayIndex === 1 ? { code: 1 } : standIn(),
    });

    expect(outcome(played)).toEqual(failed('States.TaskFailed'));
    expect(played.cause).toContain('Array Child Job failed');
  });

  test('whose child loses its host twice succeeds', async () => {
    const attempts: number[] = [];
    const played = await play({
      container: async (job, name, standIn) => {
        if (name !== 'annotate' || job.arrayIndex !== 0) return standIn();
        attempts.push(job.attempt);
        return job.attempt <= 2 ? { code: 137, hostLost: true } : standIn();
      },
    });

    expect(outcome(played)).toEqual(GOOD);
    expect(attempts).toEqual([1, 2, 3]);
  });

  test('that writes a row less publishes nothing, and both numbers are told', async () => {
    let month: EmbeddedBison | undefined;
    const played = await play({
      meanwhile: (context) => {
        month = context.month;
      },
      container: async (job, name, standIn) => {
        const ended = await standIn();
        if (name !== 'annotate' || job.arrayIndex !== 1 || !month) return ended;
        const file = month.cloud.s3.pathOf(month.bucket, 'annotated/2025-11-01/2/1.parquet');
        const release = month.clock.hold();
        const db = await month.database();
        await db.query(`CREATE OR REPLACE TEMP TABLE short AS SELECT * FROM ${literal(file)} OFFSET 1`);
        await db.query(`COPY short TO ${literal(file)} (FORMAT PARQUET)`);
        release();
        return ended;
      },
    });

    expect(outcome(played)).toEqual(failed('CountMismatch'));
    const [, annotated, subset] = /(\d+) rows are annotated, of a subset of (\d+)/.exec(played.cause ?? '') ?? [];
    expect(Number(annotated)).toBe(Number(subset) - 1);
  });
});

describe('a redrive goes on', () => {
  const never = () => {};

  test('in AwaitDownload, which waits for another day', async () => {
    const played = await play({ making: { takes: 30 * 3_600_000 }, redriven: never });

    expect(outcome(played)).toEqual(GOOD);
    expect(played.month.gbif.downloads).toHaveLength(1);
  });

  test('in Ingest, with another execution of the DataStream', async () => {
    const played = await play({ ...losing(3), redriven: never });

    expect(outcome(played)).toEqual(GOOD);
    const { sfn, stateMachineArn } = played.month.cloud;
    const ingests = [...sfn.executions.values()].filter((each) => each.stateMachineArn === stateMachineArn);
    expect(ingests.map(({ status }) => status)).toEqual(['FAILED', 'SUCCEEDED']);
  });

  // The subset, the counts, the first and the last result, and the last query.
  test.each([1, 2, 3, 11, 12])('with another query in place of query %d', async (failing) => {
    const played = await play({
      query: (query) => (query === failing ? { error: 'GENERIC_INTERNAL_ERROR' } : {}),
      redriven: never,
    });

    expect(outcome(played)).toEqual(GOOD);
  });
});

test('a second month waits for the first, and finds it published', async () => {
  let second: ReturnType<EmbeddedBison['start']> | undefined;
  const played = await play({
    meanwhile: ({ month, clock }) => {
      clock.after(3_600_000, () => {
        second = month.start({}, 'second');
      });
    },
  });

  expect(outcome(played)).toEqual(GOOD);
  const message = expect.stringContaining('are published already');
  expect(second).toMatchObject({ status: 'SUCCEEDED', output: { published: true, message } });
  expect(played.month.glue.crawls).toBe(1);
});

test('a job of the statistics that writes none publishes nothing', async () => {
  const played = await play({
    container: async (_job, name, standIn) => (name === 'calc_stats' ? { code: 0 } : standIn()),
  });

  expect(played).toMatchObject({ status: 'FAILED', broken: [] });
  expect(played.error).toMatch(/^S3\./);
});

test('a published month ends at once', async () => {
  const played = await play({
    meanwhile: ({ month }) => month.cloud.s3.put(month.bucket, 'summary/2025-11-01/manifest.json', '{"counts":{}}'),
  });

  expect({ status: played.status, transitions: played.transitions }).toEqual({ status: 'SUCCEEDED', transitions: 3 });
});

describe('a crawl, a job and a query that were started, but whose answers were lost', () => {
  test.each(['StartCrawler', 'StartQueryExecution', 'CreateTable'])('%s', async (operation) => {
    const played = await play({ faults: nth(operation, 1, { error: 'SdkClientException', after: true }) });

    expect(outcome(played)).toEqual(GOOD);
  });
});

/** The states that wait for something or call something, in the order of the machine. */
const STATES = Object.entries(
  definition({
    functionArns: { gbif: 'g', verifier: 'v' },
    dataStreamArn: 'd',
    ingest: 'download',
    ...{ bucket: 'b', database: 'd', workgroup: 'w', crawler: 'c', queueArn: 'q', chunks: 2 },
    jobArns: { annotate: 'a', annotate_riis: 'r', calc_stats: 's' },
  }).States,
)
  .filter(([, { Type }]) => ['Task', 'Wait', 'Map'].includes(Type))
  .map(([name]) => name);

/** A share of what is many, such as `1/4`. Default: a sixth. */
const [PART = 1, PARTS = 1] = (process.env.BISON_FAULTS ?? '1/6').split('/').map(Number);

describe('a month that is stopped leaves nothing', () => {
  test.each(STATES.filter((_, index) => index % PARTS === PART - 1))('in %s', async (state) => {
    for (const after of [10, 1_000, 90_000]) {
      const played = await play({ stopIn: { state, after } });
      // A state of a moment has ended by then, and a later one was stopped; the last ones let the month end.
      expect([played.status, played.broken]).toEqual([expect.stringMatching(/^(ABORTED|SUCCEEDED)$/), []]);
    }
  });
});
