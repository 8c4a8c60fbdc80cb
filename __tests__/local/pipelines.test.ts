import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { virtualClock } from '../../local/clock';
import { type Call, EmbeddedPipelines, type Started } from '../../local/pipelines';
import { parsePipelines } from '../../pipelines/parse';
import { changed } from '../support/pipelines';

const RECORDS = 'buoy-pipelines-main-123456789012-records';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'datastream-pipelines-'));
  writeFileSync(path.join(folder, 'x.csv'), 'wind');
});
afterEach(() => rmSync(folder, { recursive: true }));

const SITE = '        config_file_path: pipelines/lidar_vap/config/pipeline.yaml';
const S3_VAP = [
  ['trigger: Cron\n    schedule: Hourly', 'trigger: S3'],
  [SITE, `        input_bucket_path: storage/root/data/hum/\n${SITE}`],
] as const;

/** A deployment whose functions do as `act` says, on virtual time. */
function deployment(act: (call: Call) => Promise<boolean>, ...changes: (readonly [from: string, to: string])[]) {
  const clock = virtualClock(new Date('2026-03-10T14:00:00Z'));
  const { config } = parsePipelines(changed(...changes));
  if (!config) throw new Error('The file has errors.');
  const calls: Call[] = [];
  const killed: string[] = [];
  const start = (call: Call): Started => {
    calls.push(call);
    return {
      ended: act(call).then((ok) => ({ ok, output: ok ? '' : 'Traceback\nValueError: bad\n' })),
      kill: () => killed.push(call.requestId),
    };
  };
  const buckets = path.join(folder, 'buckets');
  const embedded = new EmbeddedPipelines({ config, branch: 'main', folder: buckets, clock, start });
  return { embedded, clock, calls, killed, file: path.join(folder, 'x.csv') };
}

test('the deployed patterns choose the function, which gets the deployed environment and the event', async () => {
  const { embedded, clock, calls, file } = deployment(async () => true);

  const runs = await clock.run(embedded.arrive(file, 'lidar/humboldt/a b+%20.csv'));

  expect(runs.map(({ function: { name }, ok, attempts }) => [name, ok, attempts])).toEqual([
    ['buoy-pipelines-main-lambda-lidar-humboldt', true, 1],
  ]);
  expect(calls[0]?.event).toEqual({
    Records: [{ s3: { bucket: { name: 'buoy-input' }, object: { key: 'lidar/humboldt/a b+%20.csv' } } }],
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    time: '2026-03-10T14:00:00.000Z',
  });
  expect(calls[0]?.environment).toMatchObject({
    PIPELINE_NAME: 'lidar',
    PIPELINE_TYPE: 'Ingest',
    CONFIG_FILE: 'pipelines/lidar/config/pipeline_humboldt.yaml',
    INPUT_BUCKET: 'buoy-input',
    TSDAT_S3_BUCKET_NAME: 'buoy-output',
    RECORDS_BUCKET: RECORDS,
    TSDAT_STORAGE_ROOT: path.join(folder, 'buckets/buoy-output/storage/root'),
  });
  expect(readFileSync(path.join(folder, 'buckets/buoy-input/lidar/humboldt/a b+%20.csv'), 'utf8')).toBe('wind');
});

test('overlapping paths run both, and another path runs none', async () => {
  const { embedded, clock, file } = deployment(async () => true, ['./lidar/morro', 'lidar/']);

  expect(await clock.run(embedded.arrive(file, 'lidar/humboldt/x.csv'))).toHaveLength(2);
  expect(await clock.run(embedded.arrive(file, 'other/x.csv'))).toEqual([]);
});

test('a run of 899 s succeeds; one of 901 s is ended, repeated, and kept', async () => {
  const at = (seconds: number) => {
    const made = deployment(async () => {
      await made.clock.sleep(seconds * 1000);
      return true;
    });
    return made;
  };
  const short = at(899);
  const long = at(901);

  const [passed] = await short.clock.run(short.embedded.arrive(short.file, 'lidar/morro/x.csv'));
  const [late] = await long.clock.run(long.embedded.arrive(long.file, 'lidar/morro/x.csv'));

  expect(passed).toMatchObject({ ok: true, attempts: 1 });
  expect(late).toMatchObject({ ok: false, attempts: 2, output: 'Task timed out after 900.00 seconds' });
  expect(long.killed).toHaveLength(2);
  expect(new Set(long.killed).size).toBe(1);
});

test('an event that fails twice is kept as Lambda keeps it', async () => {
  const { embedded, clock, calls, file } = deployment(async () => false);

  const [run] = await clock.run(embedded.arrive(file, 'lidar/morro/x.csv'));

  const name = 'buoy-pipelines-main-lambda-lidar-morro';
  expect(run?.failureKey).toMatch(
    new RegExp(`^aws/lambda/async/${name}/2026/03/10/2026-03-10T14\\.00\\.00-[0-9a-f-]{36}$`),
  );
  const record = JSON.parse(readFileSync(path.join(folder, 'buckets', RECORDS, run?.failureKey ?? ''), 'utf8'));
  expect(record).toMatchObject({
    requestPayload: calls[0]?.event,
    requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 2 },
    responsePayload: { errorMessage: 'ValueError: bad' },
  });
  expect(calls.map(({ requestId }) => requestId)).toEqual([
    record.requestContext.requestId,
    record.requestContext.requestId,
  ]);
});

test('a first failure that is repeated with success keeps nothing', async () => {
  let calls = 0;
  const { embedded, clock, file } = deployment(async () => ++calls > 1);

  expect(await clock.run(embedded.arrive(file, 'lidar/morro/x.csv'))).toMatchObject([{ ok: true, attempts: 2 }]);
  expect(existsSync(path.join(folder, 'buckets', RECORDS))).toBe(false);
});

const write = ({ environment }: Call, name: string) => {
  const target = path.join(environment.TSDAT_STORAGE_ROOT ?? '', 'data/hum');
  mkdirSync(target, { recursive: true });
  writeFileSync(path.join(target, name), String(readdirSync(target).length));
};

test('what an Ingest writes starts the VAP that watches it', async () => {
  const { embedded, clock, calls, file } = deployment(
    async (call) => {
      if (call.environment.PIPELINE_TYPE === 'Ingest') write(call, 'hum.20260309.000000.nc');
      return true;
    },
    ...S3_VAP,
  );

  const runs = await clock.run(embedded.arrive(file, 'lidar/humboldt/x.csv'));

  expect(runs.map(({ function: { pipeline } }) => pipeline.name)).toEqual(['lidar', 'lidar_vap']);
  expect(calls[1]?.event).toMatchObject({
    Records: [
      { s3: { bucket: { name: 'buoy-output' }, object: { key: 'storage/root/data/hum/hum.20260309.000000.nc' } } },
    ],
  });
});

test('a pipeline that starts itself without an end is told', async () => {
  let written = 0;
  const { embedded, clock, file } = deployment(
    async (call) => {
      write(call, `hum.${++written}.nc`);
      return true;
    },
    ...S3_VAP,
  );

  await expect(clock.run(embedded.arrive(file, 'lidar/humboldt/x.csv'))).rejects.toThrow('has started itself 50 times');
});

test('a schedule comes with its time and an id', async () => {
  const { embedded, clock, calls } = deployment(async () => true);
  const crons = embedded.functions.filter(({ pipeline }) => pipeline.trigger === 'Cron');

  expect(await clock.run(embedded.fire(crons))).toHaveLength(1);
  expect(calls[0]?.event).toMatchObject({
    'detail-type': 'Scheduled Event',
    time: '2026-03-10T14:00:00.000Z',
    id: expect.any(String),
  });
  expect(calls[0]?.environment).toMatchObject({ SCHEDULE: 'Hourly', PIPELINE_TRIGGER: 'Cron' });
});
