import { SubmitJobCommand } from '@aws-sdk/client-batch';
import { RestoreObjectCommand } from '@aws-sdk/client-s3';
import { ARCHIVE, OUTPUTS } from '../../local/carousel';
import type { Faults } from '../../local/service';
import { DEFAULTS, HDF5, healthyContainer, type Run, testCarousel } from '../support/carousel';
import { play } from './carousel';

const outcome = ({ status, error, broken }: Awaited<ReturnType<typeof play>>) => ({ status, error, broken });
const GOOD = { status: 'SUCCEEDED', error: undefined, broken: [] };

describe('events', () => {
  test('that are all lost delay a turn, and the looks suffice', async () => {
    expect(outcome(await play({ deliver: () => [] }))).toEqual(GOOD);
  });

  test('that come twice, and once more an hour later, change nothing', async () => {
    const played = await play({ deliver: () => [500, 600, 3_600_000] });

    expect(outcome(played)).toEqual(GOOD);
    expect(played.runs).toHaveLength(6);
  });

  test('that come at once, before the reply to the call that caused them, change nothing', async () => {
    const played = await play({ deliver: () => [0], options: { startMs: 0 } });

    expect(outcome(played)).toEqual(GOOD);
    expect(played.runs).toHaveLength(6);
  });
});

test('a job begins within three minutes of its file, where events arrive', async () => {
  const restored = new Map<string, number>();
  const waited: number[] = [];
  const runs: Run[] = [];
  const holder: { cloud?: Awaited<ReturnType<typeof testCarousel>>['cloud'] } = {};
  const healthy = healthyContainer(() => holder.cloud as never, runs);
  const { cloud, clock, keys, request, turn } = await testCarousel(3, {
    deliver: (event) => {
      if (event['detail-type'] === 'Object Restore Completed') {
        restored.set((event.detail.object as { key: string }).key, clock.now().getTime());
      }
      return [500];
    },
    container: (container) => {
      const key = (container.environment.CAROUSEL_INPUT ?? '').replace(`s3://${ARCHIVE}/`, '');
      waited.push(clock.now().getTime() - (restored.get(key) ?? 0));
      return healthy(container);
    },
  });
  holder.cloud = cloud;
  await request(keys);
  await turn();

  expect(waited).toHaveLength(3);
  expect(Math.max(...waited)).toBeLessThan(180_000);
});

describe('the check of the invariants itself', () => {
  const QUICK = { defaults: { ...DEFAULTS, tier: 'Expedited' as const } };

  test('finds a restore beside the plan', async () => {
    const { broken } = await play({
      options: QUICK,
      sabotage: async (cloud) => {
        cloud.s3.archive(ARCHIVE, 'P9/other.h5', 'GLACIER', 1000, HDF5);
        await cloud.clients().s3.send(
          new RestoreObjectCommand({
            Bucket: ARCHIVE,
            Key: 'P9/other.h5',
            RestoreRequest: { Days: 1, GlacierJobParameters: { Tier: 'Bulk' } },
          }),
        );
      },
    });

    expect(broken).toEqual(['3: a restore beside the plan']);
  });

  test('finds a second restore of a file', async () => {
    const { broken } = await play({
      options: QUICK,
      sabotage: async (cloud, [Key = '']) => {
        cloud.s3.expireNow(ARCHIVE, Key);
        await cloud.clients().s3.send(
          new RestoreObjectCommand({
            Bucket: ARCHIVE,
            Key,
            RestoreRequest: { Days: 1, GlacierJobParameters: { Tier: 'Expedited' } },
          }),
        );
      },
    });

    expect(broken).toContain('1: 5 restores of 4 files');
  });

  test('finds a second live job of a pair, and one that is left', async () => {
    const { broken } = await play({
      options: QUICK,
      sabotage: async (cloud) => {
        // Without the execution's tag the reaper cannot know whose they are.
        const tags = { 'carousel:job': cloud.batch.live[0]?.tags['carousel:job'] ?? '' };
        const environment = [
          { name: 'CAROUSEL_INPUT', value: 's3://elsewhere/x' },
          { name: 'CAROUSEL_OUTPUT', value: 's3://outputs/other' },
        ];
        const submit = (jobName: string) =>
          cloud.clients().batch.send(
            new SubmitJobCommand({
              jobName,
              jobQueue: 'q',
              jobDefinition: 'Radiance',
              tags,
              containerOverrides: { environment },
            }),
          );
        await submit('again');
        // The turn ends after 35 minutes, and is looked at 40 minutes later.
        for (const minutes of [30, 31]) cloud.clock.after(minutes * 60_000, () => void submit('late'));
      },
    });

    expect(broken.some((each) => each.startsWith('2: live jobs'))).toBe(true);
    expect(broken.some((each) => /^6: \d jobs live after the turn/.test(each))).toBe(true);
  });
});

describe('answers of S3', () => {
  test('that throttle restores for minutes delay a turn', async () => {
    let calls = 0;
    const faults: Faults = (operation) =>
      operation === 'RestoreObject' && ++calls <= 12 ? { error: 'SlowDown', status: 503 } : undefined;

    expect(outcome(await play({ faults }))).toEqual(GOOD);
  });

  test.each([
    ['409: another restore runs', { error: 'RestoreAlreadyInProgress', status: 409, after: true }],
    ['403: it is not archived', { error: 'InvalidObjectState', status: 403, after: true }],
  ])('%s', async (_what, fault) => {
    let calls = 0;
    const faults: Faults = (operation) => (operation === 'RestoreObject' && ++calls === 1 ? fault : undefined);

    expect(outcome(await play({ faults }))).toEqual(GOOD);
  });

  test('404: that file fails, and the others go on', async () => {
    let calls = 0;
    const faults: Faults = (operation) =>
      operation === 'RestoreObject' && ++calls === 1 ? { error: 'NoSuchKey', status: 404 } : undefined;
    const { status, error, broken, cause, runs } = await play({ faults });

    expect({ status, error, broken }).toEqual({ status: 'FAILED', error: 'TurnIncomplete', broken: [] });
    expect(cause).toContain('1 of 4 files were not verified');
    expect(runs.length).toBeGreaterThanOrEqual(4);
  });
});

describe('a turn that is stopped', () => {
  test.each([
    ['in Plan', 200],
    ['in Restore', 2_500],
    ['in Follow, while files are restored', 3_600_000],
    ['in Follow, while jobs run', 10 * 3_600_000],
  ])('%s leaves no job, and its requests wait for the next turn', async (_where, stopAfter) => {
    const { status, broken } = await play({ stopAfter });

    expect({ status, broken }).toEqual({ status: 'ABORTED', broken: [] });
  });

  test.each(['Plan', 'Restore', 'Follow', 'Report'])('within %s leaves nothing either', async (stopIn) => {
    const { status, broken } = await play({ stopIn });

    expect({ status, broken }).toEqual({ status: 'ABORTED', broken: [] });
  });

  test('goes on where it was, when it is started again with its ID', async () => {
    const { cloud, clock, keys, request, run, turn, report, runs } = await testCarousel(4);
    const asked = await request(keys);
    const first = cloud.start({ requests: 'waiting' }, 'turn-1');
    clock.after(7 * 3_600_000, () => first.stop());
    await run(first.ended);
    await run(clock.sleep(20 * 60_000));

    const second = await turn({ turn: 'turn-1' }, 'again');

    expect([second.status, second.cause]).toEqual(['SUCCEEDED', undefined]);
    expect(report('turn-1').jobs).toEqual({ succeeded: 4, failed: 0, returned: 0 });
    expect(new Set(cloud.s3.restoresBegun.map(({ key }) => key)).size).toBe(cloud.s3.restoresBegun.length);
    expect(new Set(runs.filter(({ readable }) => readable).map(({ input }) => input)).size).toBe(4);
    expect(asked.file_count).toBe(4);
  });

  test('lets the next turn begin only when its jobs are terminated', async () => {
    const { cloud, clock, keys, request, run } = await testCarousel(2, {
      deliver: () => [],
      defaults: { ...DEFAULTS, tier: 'Expedited' },
    });
    await request(keys);
    const first = cloud.start({ requests: 'waiting' }, 'turn-1');
    await run(clock.sleep(21 * 60_000));
    expect(cloud.batch.live).toHaveLength(2);
    first.stop();
    const second = cloud.start({ requests: 'waiting' }, 'turn-2');
    await run(clock.sleep(5 * 60_000));
    expect(cloud.batch.live.map(({ tags }) => tags['carousel:turn'])).toEqual(['turn-1', 'turn-1']);
    await run(second.ended);

    expect(second.status).toBe('SUCCEEDED');
    expect(cloud.s3.restoresBegun).toHaveLength(2);
  });

  test('lets a second turn begin only after it', async () => {
    const { cloud, clock, keys, request, run, turn } = await testCarousel(2);
    await request(keys);
    const first = cloud.start({ requests: 'waiting' }, 'turn-1');
    await run(clock.sleep(60_000));
    const second = await turn({ requests: 'waiting' }, 'turn-2');

    expect([second.status, second.error]).toEqual(['FAILED', 'TurnRunning']);
    expect(second.cause).toContain('Turn turn-1 runs');
    await run(first.ended);
    expect(first.status).toBe('SUCCEEDED');
    expect((await turn({ requests: 'waiting' }, 'turn-3')).status).toBe('SUCCEEDED');
  });
});

describe('jobs', () => {
  test('whose spot host is taken twice succeed at the third attempt', async () => {
    const runs: Run[] = [];
    const holder: { cloud?: Awaited<ReturnType<typeof testCarousel>>['cloud'] } = {};
    const healthy = healthyContainer(() => holder.cloud as never, runs);
    const { cloud, keys, request, turn, run, ledger } = await testCarousel(2, {
      container: async (container) => {
        if (container.attempt > 2) return healthy(container);
        await holder.cloud?.clock.sleep(600_000, container.signal);
        return { code: 137, hostLost: true };
      },
    });
    holder.cloud = cloud;
    await request(keys);

    expect((await turn()).status).toBe('SUCCEEDED');
    expect(runs.map(({ attempt }) => attempt)).toEqual([3, 3]);
    // Two attempts of ten minutes and one of thirty: all were paid for.
    const rows = await run(ledger.query('turn#turn-1', 'job#'));
    expect(rows.map(({ seconds }) => seconds)).toEqual([3000, 3000]);
  });

  test.each([
    [
      'that end with another code',
      async () => ({ code: 3 }),
      'JobFailed: Essential container in task exited, exit code 3.',
    ],
    [
      'that succeed, but write nothing',
      async () => ({ code: 0 }),
      'OutputMissing: the job succeeded, but did not write s3://outputs/output/Radiance/',
    ],
  ])('%s fail the turn, and are told in the report and the request', async (_what, container, problem) => {
    const { keys, request, run, turn, report, ledger } = await testCarousel(1, { container });
    const { request: id } = await request(keys);
    const { status, error, cause } = await turn();

    expect([status, error]).toEqual(['FAILED', 'TurnIncomplete']);
    expect(cause).toContain(problem);
    expect(report('turn-1').problems.join()).toContain(problem);
    expect(await run(ledger.get({ pk: `request#${id}`, sk: 'request' }))).toMatchObject({ state: 'FAILED' });
  });

  test('whose object is older than they are do not count as done', async () => {
    const { cloud, clock, keys, request, run, turn, ledger } = await testCarousel(1, {
      container: async () => ({ code: 0 }),
    });
    await request(keys);
    const execution = cloud.start({ requests: 'waiting' }, 'turn-1');
    await run(clock.sleep(60_000));
    const [job] = await run(ledger.query('turn#turn-1', 'job#'));
    cloud.s3.put(OUTPUTS, String(job?.output), 'old');
    await run(execution.ended);

    expect(execution.cause).toContain('is older than the job');
    expect(turn).toBeDefined();
  });

  test('with one job for all files get their list, when all are there', async () => {
    const lists: string[] = [];
    const { cloud, keys, request, turn } = await testCarousel(3, {
      container: async ({ command, environment }) => {
        lists.push(cloud.s3.get(OUTPUTS, (command[1] ?? '').replace(`s3://${OUTPUTS}/`, '')));
        cloud.s3.put(OUTPUTS, (environment.CAROUSEL_OUTPUT ?? '').replace(`s3://${OUTPUTS}/`, ''), 'mosaic');
        return { code: 0 };
      },
    });
    await request(keys, { definition: 'Mosaic', run: 'all' });

    expect((await turn()).status).toBe('SUCCEEDED');
    expect(lists).toEqual([keys.map((key) => `${ARCHIVE},${key}\n`).join('')]);
  });
});

describe('copies', () => {
  const LONG = {
    Radiance: {
      command: ['radiance', 'Ref::s3_input_file'],
      parameters: {},
      vcpus: 1,
      timeoutSeconds: 40 * 3600,
      attempts: 1,
    },
  };

  /** A Carousel whose jobs take 39 hours. */
  async function longJobs(days: number) {
    const runs: Run[] = [];
    const holder: { cloud?: Awaited<ReturnType<typeof testCarousel>>['cloud'] } = {};
    const carousel = await testCarousel(2, {
      defaults: { ...DEFAULTS, days },
      jobs: LONG,
      container: healthyContainer(() => holder.cloud as never, runs, 39 * 60),
    });
    holder.cloud = carousel.cloud;
    return { ...carousel, runs };
  }

  test('are asked for at once for as long as their jobs may take, and the estimate has them', async () => {
    const { cloud, keys, request, turn, report, runs } = await longJobs(1);
    await request(keys);

    expect((await turn()).status).toBe('SUCCEEDED');
    expect(runs.every(({ readable }) => readable)).toBe(true);
    // Once for three days, and once for one, to give up what is left.
    expect(cloud.calls('RestoreObject')).toBeLessThanOrEqual(4);
    const { estimate, actual } = report('turn-1').dollars;
    const threeDays = 2 * 31 * (0.023 / 30) * 3;
    expect(actual).toBeGreaterThan(threeDays);
    expect(actual).toBeLessThanOrEqual(estimate);
  });

  test('that would expire while a job runs are extended', async () => {
    const { cloud, keys, request, turn, runs } = await longJobs(2);
    await request(keys);

    expect((await turn()).status).toBe('SUCCEEDED');
    expect(runs.every(({ readable }) => readable)).toBe(true);
    expect(cloud.s3.restoresBegun).toHaveLength(2);
    expect(cloud.calls('RestoreObject')).toBeGreaterThanOrEqual(4);
  });

  test('that were there before and would expire under a job are extended before it, for their further days', async () => {
    const { cloud, clock, keys, request, turn, runs, run, report } = await longJobs(1);
    for (const Key of keys) {
      const RestoreRequest = { Days: 1, GlacierJobParameters: { Tier: 'Expedited' as const } };
      await run(cloud.clients().s3.send(new RestoreObjectCommand({ Bucket: ARCHIVE, Key, RestoreRequest })));
    }
    await run(clock.sleep(3_600_000));
    await request(keys);

    expect((await turn()).status).toBe('SUCCEEDED');
    expect(runs.every(({ readable }) => readable)).toBe(true);
    expect(cloud.s3.restoresBegun).toHaveLength(2);
    const { estimate, actual } = report('turn-1').dollars;
    expect(actual).toBeGreaterThan(2 * 31 * (0.023 / 30));
    expect(actual).toBeLessThanOrEqual(estimate);
  });

  test('that expire under a job return it to the next turn', async () => {
    const { cloud, keys, request, run, turn, ledger } = await testCarousel(1, {
      container: async ({ signal }) => {
        // An operator has deleted the copy.
        await cloud.clock.sleep(600_000, signal);
        cloud.s3.expireNow(ARCHIVE, keys[0] ?? '');
        return { code: 1 };
      },
    });
    const { request: id } = await request(keys);
    const { status, cause } = await turn();

    expect(status).toBe('FAILED');
    expect(cause).toContain('InputExpired');
    expect(await run(ledger.get({ pk: `request#${id}`, sk: 'request' }))).toMatchObject({
      state: 'WAITING',
      turns_waited: 1,
    });
  });

  test('that nobody needs soon are given up', async () => {
    const { cloud, keys, request, turn } = await testCarousel(1, { defaults: { ...DEFAULTS, days: 30 } });
    await request(keys);
    await turn();
    const left =
      ((cloud.s3.copyExpiry(ARCHIVE, keys[0] ?? '')?.getTime() ?? 0) - cloud.clock.now().getTime()) / 86_400_000;

    expect(left).toBeLessThanOrEqual(2);
  });
});

describe('files', () => {
  test('that are written again after the plan are not read', async () => {
    const { cloud, clock, keys, request, run } = await testCarousel(1);
    await request(keys);
    const execution = cloud.start({ requests: 'waiting' }, 'turn-1');
    await run(clock.sleep(3_600_000));
    cloud.s3.archive(ARCHIVE, keys[0] ?? '', 'STANDARD', 1000, HDF5);
    await run(execution.ended);

    expect(execution.cause).toContain('InputChanged');
  });

  test('that are no HDF5 files are not read', async () => {
    const { cloud, keys, request, turn } = await testCarousel(1);
    cloud.s3.archive(ARCHIVE, keys[0] ?? '', 'GLACIER', 1000, Buffer.from('GRIB....'));
    await request(keys);

    expect((await turn()).cause).toContain('it is no HDF5 file');
    expect(cloud.calls('SubmitJob')).toBe(0);
  });

  test('that have been deleted since the request fail it, and not the turn of others', async () => {
    const { cloud, keys, request, run, turn, ledger } = await testCarousel(2);
    const lost = await request(keys.slice(0, 1));
    await request(keys.slice(1));
    cloud.s3.remove(ARCHIVE, keys[0] ?? '');

    expect((await turn()).status).toBe('SUCCEEDED');
    expect(await run(ledger.get({ pk: `request#${lost.request}`, sk: 'request' }))).toMatchObject({ state: 'FAILED' });
  });
});

test("a file in Intelligent-Tiering fails its request, and does not stop others' turns", async () => {
  const { cloud, keys, request, run, turn, ledger } = await testCarousel(2);
  const mine = await request(keys.slice(0, 1));
  await request(keys.slice(1), { definition: 'Radiance' }, 'ben');
  cloud.s3.archive(ARCHIVE, keys[0] ?? '', 'INTELLIGENT_TIERING', 1000, HDF5);

  expect((await turn()).status).toBe('SUCCEEDED');
  expect(await run(ledger.get({ pk: `request#${mine.request}`, sk: 'request' }))).toMatchObject({ state: 'FAILED' });
  const named = await turn({ requests: { bucket: ARCHIVE, prefix: '' }, job: { definition: 'Radiance' } }, 'turn-2');
  expect(named.error).toBe('TierImpossible');
});

test('a request for all files fails with one that is not there, and costs nothing', async () => {
  const { cloud, keys, request, run, turn, ledger } = await testCarousel(3);
  const { request: id } = await request(keys, { definition: 'Mosaic', run: 'all' });
  cloud.s3.remove(ARCHIVE, keys[0] ?? '');

  expect((await turn()).status).toBe('SUCCEEDED');
  expect(await run(ledger.get({ pk: `request#${id}`, sk: 'request' }))).toMatchObject({ state: 'FAILED' });
  expect(cloud.s3.restoresBegun).toEqual([]);
});

test('a turn whose hours are over returns what is left', async () => {
  const { keys, request, run, turn, ledger } = await testCarousel(2, {
    storageClass: 'DEEP_ARCHIVE',
    defaults: { ...DEFAULTS, turnTimeoutHours: 12 },
  });
  const { request: id } = await request(keys);
  const { status, error } = await turn();

  expect([status, error]).toEqual(['FAILED', 'TurnTimedOut']);
  expect(await run(ledger.get({ pk: `request#${id}`, sk: 'request' }))).toMatchObject({
    state: 'WAITING',
    turns_waited: 1,
  });
});

describe('an input that is refused before a cent is spent', () => {
  const job = { definition: 'Radiance' };
  test.each<[string, object, string, string]>([
    ['an unknown key', { request: 'waiting' }, 'InvalidInput', 'the input has request'],
    ['a budget of nothing', { requests: 'waiting', budget_dollars: 0 }, 'InvalidInput', 'budget_dollars is 0'],
    [
      'another bucket',
      { requests: { bucket: 'mine', prefix: '' }, job },
      'InvalidInput',
      'requests.bucket is "mine", which is not the archive: write archive.',
    ],
    ['files without a job', { requests: { bucket: ARCHIVE, prefix: '' } }, 'InvalidInput', 'but no job'],
    [
      'an unknown definition',
      { requests: { bucket: ARCHIVE, prefix: '' }, job: { definition: 'Radianc' } },
      'InvalidInput',
      'write Radiance',
    ],
    [
      'an empty prefix of the archive',
      { requests: { bucket: ARCHIVE, prefix: 'X' }, job },
      'InputMissing',
      'No object is below s3://archive/X',
    ],
    ['a manifest elsewhere', { manifest: 's3://mine/list.csv', job }, 'InvalidInput', 'which the planner may not read'],
    [
      'a manifest that is not there',
      { manifest: `s3://${OUTPUTS}/manifests/none.csv`, job },
      'InputMissing',
      'There is no manifest',
    ],
    [
      'a manifest of another bucket',
      { manifest: `s3://${OUTPUTS}/manifests/bad.csv`, job },
      'InvalidInput',
      'Line 2 of the manifest has the bucket "mine", which is not the archive: write archive.',
    ],
    [
      'a key that is not there',
      { manifest: `s3://${OUTPUTS}/manifests/missing.csv`, job },
      'InputMissing',
      's3://archive/none.h5 does not exist',
    ],
    [
      'more than the budget',
      { requests: { bucket: ARCHIVE, prefix: '' }, job, budget_dollars: 0.1 },
      'BudgetExceeded',
      'and the budget is $0.10',
    ],
    [
      'a tier that the class does not have',
      { requests: { bucket: ARCHIVE, prefix: '' }, job, tier: 'Expedited' },
      'TierImpossible',
      'is in DEEP_ARCHIVE, which has no Expedited: write tier Standard or Bulk.',
    ],
    ['a turn that never was', { turn: 'none' }, 'InvalidInput', 'which was never planned'],
  ])('%s', async (_what, input, error, cause) => {
    const { cloud, keys, run, turn, ledger } = await testCarousel(2, { storageClass: 'DEEP_ARCHIVE' });
    cloud.s3.put(OUTPUTS, 'manifests/bad.csv', `${ARCHIVE},${keys[0]}\nmine,${keys[1]}\n`);
    cloud.s3.put(OUTPUTS, 'manifests/missing.csv', `${ARCHIVE},none.h5\n`);
    const execution = await turn(input);

    expect([execution.status, execution.error]).toEqual(['FAILED', error]);
    expect(execution.cause).toContain(cause);
    expect(cloud.calls('RestoreObject')).toBe(0);
    expect(await run(ledger.get({ pk: 'turn', sk: 'running' }))).toBeUndefined();
  });

  test.each([[[]], ['text'], [null]])('%j instead of an object', async (input) => {
    const { turn } = await testCarousel(1);

    expect((await turn(input)).status).toBe('FAILED');
  });
});

test('a manifest of the archive is restored, and its jobs run', async () => {
  const { cloud, keys, turn, report } = await testCarousel(3);
  cloud.s3.put(
    OUTPUTS,
    'manifests/two.csv',
    `${ARCHIVE},${encodeURIComponent(keys[0] ?? '')}\n"${ARCHIVE}","${keys[2]}"\n`,
  );
  const { status, cause } = await turn({
    manifest: `s3://${OUTPUTS}/manifests/two.csv`,
    job: { definition: 'Radiance' },
  });

  expect([status, cause]).toEqual(['SUCCEEDED', undefined]);
  expect(report('turn-1').jobs.succeeded).toBe(2);
});

test('a turn without requests succeeds and does nothing', async () => {
  const { cloud, turn } = await testCarousel(1);

  expect((await turn()).status).toBe('SUCCEEDED');
  expect(cloud.calls('RestoreObject')).toBe(0);
});
