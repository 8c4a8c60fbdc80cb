import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { ListExecutionsCommand, ListTagsForResourceCommand } from '@aws-sdk/client-sfn';
import fc from 'fast-check';
import example from '../../../executions/examples/gbif-download.json';
import { parseExecution } from '../../../executions/parse';
import { type GbifClients, type GbifDeployment, gbif } from '../../../lambdas/bison/gbif';
import { PREDICATE, samePredicate } from '../../../lambdas/bison/predicate';

const BUCKET = 'bison-123456789012-us-east-1';
const KEY = '0007777-251101000000001';
const INPUTS = ['input/USRIISv2_MasterList.csv', 'input/county.gpkg', 'input/aiannh.gpkg'];
const EXECUTION = 'arn:aws:states:us-east-1:123456789012:execution:bison:one';
const SECRET = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:gbif';
const DATA_STREAM = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';

interface Place {
  readonly keys?: readonly string[];
  readonly open?: readonly string[];
  /** What the secret has, or how Secrets Manager fails. Default: user and password. */
  readonly secret?: string | Error;
  /** The tags of the DataStream, or the error that Step Functions answers. */
  readonly tags?: Readonly<Record<string, string>> | Error;
  /** Executions that run, and since when. */
  readonly running?: readonly (readonly [string, string])[];
  /** When the execution was last redriven. */
  readonly redriven?: string;
  readonly downloads?: readonly object[];
  readonly download?: object;
  readonly answers?: (url: string, init: RequestInit) => Response | undefined;
  readonly deployment?: Partial<GbifDeployment>;
  readonly now?: string;
  readonly ingest?: object;
}

function place({ keys = INPUTS, open = [], downloads = [], ...rest }: Place = {}) {
  const asked: { url: string; method: string; body?: unknown }[] = [];
  const warned: unknown[] = [];
  const warn = (...line: unknown[]) => void warned.push(line);
  const log = { info() {}, warn, error() {}, appendKeys() {}, resetKeys() {} };
  const clients: GbifClients = {
    s3: {
      send: async (command: unknown) => {
        if (!(command instanceof ListObjectsV2Command)) throw new Error('the function only lists');
        const { Bucket, Prefix = '' } = command.input;
        const all = Bucket === BUCKET ? keys : open;
        return { Contents: all.filter((key) => key.startsWith(Prefix)).map((Key) => ({ Key })) };
      },
    } as GbifClients['s3'],
    secrets: {
      send: async () => {
        if (rest.secret === undefined) return { SecretString: '{"username":"kay","password":"open sesame"}' };
        if (rest.secret instanceof Error) throw rest.secret;
        if (rest.secret !== '') return { SecretString: rest.secret };
        throw Object.assign(new Error('no value'), { name: 'ResourceNotFoundException' });
      },
    } as unknown as GbifClients['secrets'],
    sfn: {
      send: async (command: unknown) => {
        if (command instanceof ListExecutionsCommand) {
          expect(command.input.stateMachineArn).toBe('arn:aws:states:us-east-1:123456789012:stateMachine:bison');
          const executions = (rest.running ?? []).map(([name, startDate]) => ({
            executionArn: EXECUTION.replace(/[^:]*$/, name),
            name,
            startDate: new Date(startDate),
          }));
          // A page for each.
          const at = Number(command.input.nextToken ?? 0);
          const more = at + 1 < executions.length ? { nextToken: String(at + 1) } : {};
          return { executions: executions.slice(at, at + 1), ...more };
        }
        if (!(command instanceof ListTagsForResourceCommand)) throw new Error('the function only lists');
        expect(command.input).toEqual({ resourceArn: DATA_STREAM });
        const { tags = { 'datastream:bucket': '' } } = rest;
        if (tags instanceof Error) throw tags;
        return { tags: Object.entries(tags).map(([key, value]) => ({ key, value })) };
      },
    } as unknown as GbifClients['sfn'],
    fetch: async (url, init) => {
      const { method = 'GET', body } = init;
      asked.push({ url, method, ...(body !== undefined && { body: JSON.parse(String(body)) }) });
      const answer = rest.answers?.(url, init);
      if (answer) return answer;
      if (method === 'POST') return new Response(KEY);
      if (url.includes('/user/')) return Response.json({ results: downloads, endOfRecords: true });
      return Response.json({
        key: KEY,
        status: 'SUCCEEDED',
        created: '2025-11-02T00:00:00.000+00:00',
        ...rest.download,
      });
    },
    clock: { now: () => new Date(rest.now ?? '2025-11-02T00:00:10Z'), sleep: async () => {} },
    deployment: {
      bucket: BUCKET,
      ingest: 'download',
      openDataBucket: 'gbif-open-data-us-east-1',
      inputs: INPUTS,
      dataStreamArn: DATA_STREAM,
      secretArn: SECRET,
      scanLimitBytes: 2 ** 41,
      ...rest.deployment,
    },
    ingest: rest.ingest ?? example,
  };
  return {
    asked,
    warned,
    request: (input: unknown = {}) =>
      gbif({ action: 'request', execution: EXECUTION, input, started: '2025-11-02T00:00:00Z' }, clients, log),
    look: (download = KEY) =>
      gbif(
        {
          action: 'await',
          execution: EXECUTION,
          state: { snapshot: '2025-11-01', suffix: '2025_11_01', published: false, download },
          since: '2025-11-02T00:00:00Z',
          run: rest.redriven === undefined ? {} : { RedriveTime: rest.redriven },
        },
        clients,
        log,
      ),
  };
}

const answered = (name: string, message: string) => Object.assign(new Error(message), { name });

const made = (more: object = {}) => ({
  key: '0001111-251101000000001',
  status: 'SUCCEEDED',
  created: '2025-11-01T12:00:00.000+00:00',
  request: { format: 'DWCA', predicate: PREDICATE },
  ...more,
});

describe('Request', () => {
  test('asks GBIF for a download of this month, with the predicate of the filter', async () => {
    const { request, asked } = place();
    expect(await request()).toEqual({ snapshot: '2025-11-01', suffix: '2025_11_01', published: false, download: KEY });
    expect(asked.at(-1)).toEqual({
      url: 'https://api.gbif.org/v1/occurrence/download/request',
      method: 'POST',
      body: { creator: 'kay', sendNotification: false, format: 'DWCA', predicate: PREDICATE },
    });
  });

  test("takes the user's own download of the month, whatever order GBIF tells its predicate in", async () => {
    const predicate = { ...PREDICATE, predicates: [...(PREDICATE.predicates ?? [])].reverse() };
    const { request, asked } = place({ downloads: [made({ request: { format: 'DWCA', predicate } })] });
    expect(await request()).toMatchObject({ download: '0001111-251101000000001' });
    expect(asked.map(({ method }) => method)).toEqual(['GET']);
  });

  test.each([
    ['of the month before', { created: '2025-10-31T23:59:59.000+00:00' }],
    ['that was erased', { status: 'FILE_ERASED' }],
    ['of another format', { request: { format: 'SIMPLE_CSV', predicate: PREDICATE } }],
    [
      'of another predicate',
      { request: { format: 'DWCA', predicate: { type: 'equals', key: 'COUNTRY', value: 'US' } } },
    ],
  ])('does not take a download %s', async (_, more) => {
    expect(await place({ downloads: [made(more)] }).request()).toMatchObject({ download: KEY });
  });

  test('takes the download that the input names, and calls nobody', async () => {
    const { request, asked } = place();
    expect(await request({ download: KEY, snapshot: '2025-09-01' })).toMatchObject({
      download: KEY,
      snapshot: '2025-09-01',
    });
    expect(asked).toEqual([]);
  });

  test('takes the month that Scheduler meant, though it starts in the next', async () => {
    const answer = place({ downloads: [made({ created: '2025-10-20T00:00:00Z' })] }).request({
      scheduled: '2025-10-31T23:59:00Z',
    });
    expect(await answer).toMatchObject({ snapshot: '2025-10-01' });
  });

  test('tells every problem of the input at once', async () => {
    const input = { snapshot: '2025-11-02', download: '1; rm -rf /', chunks: 3 };
    await expect(place().request(input)).rejects.toMatchObject({
      name: 'InvalidInput',
      message:
        'Nothing was started: snapshot is "2025-11-02": write the first day of a month such as 2025-11-01; download is "1; rm -rf /": write the key of one of GBIF\'s downloads such as 0004219-251025141854904; Unrecognized key: "chunks": choose from snapshot and download.',
    });
  });

  test('refuses a month that is still to come', async () => {
    await expect(place().request({ snapshot: '2025-12-01' })).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.stringContaining('snapshot is "2025-12-01", which is still to come: write 2025-11-01'),
    });
  });

  test('refuses an earlier month of which there is no download, since GBIF makes none of it', async () => {
    const { request, asked } = place();
    await expect(request({ snapshot: '2025-08-01' })).rejects.toMatchObject({ name: 'SnapshotMissing' });
    expect(asked.map(({ method }) => method)).toEqual(['GET']);
  });

  test('names every file that is missing before anything costs', async () => {
    const { request, asked } = place({ keys: ['input/aiannh.gpkg'] });
    await expect(request()).rejects.toMatchObject({
      name: 'InputsMissing',
      message: `Nothing was started: s3://${BUCKET}/input/USRIISv2_MasterList.csv, s3://${BUCKET}/input/county.gpkg are missing. Run 'npx datastream bison inputs upload' with the files.`,
    });
    expect(asked).toEqual([]);
  });

  test.each([
    ['every bucket of the account', { 'datastream:bucket': '' }],
    ['that bucket', { Team: 'water', 'datastream:bucket': BUCKET }],
  ])('asks GBIF where the jobs of the DataStream use %s', async (_, tags) => {
    const { request, warned } = place({ tags });
    expect(await request()).toMatchObject({ download: KEY });
    expect(warned).toEqual([]);
  });

  test('refuses a DataStream whose jobs use another bucket, before GBIF is asked', async () => {
    const { request, asked } = place({ tags: { 'datastream:bucket': 'hydrology' } });
    const message = `Nothing was started: the jobs of ${DATA_STREAM} use s3://hydrology alone, and would have to write to s3://${BUCKET}. Deploy that DataStream with s3_bucket "${BUCKET}", or BISON with the datastream_arn of another one or with ingest "open-data".`;
    await expect(request()).rejects.toMatchObject({ name: 'BucketUnreachable', message });
    await expect(request({ download: KEY })).rejects.toMatchObject({ name: 'BucketUnreachable' });
    expect(asked).toEqual([]);
  });

  test('refuses a DataStream that does not exist', async () => {
    const { request, asked } = place({ tags: answered('ResourceNotFound', 'Resource not found') });
    const message = `Nothing was started: the DataStream ${DATA_STREAM} does not exist. Deploy it again, or deploy BISON with the datastream_arn of another one.`;
    await expect(request()).rejects.toMatchObject({ name: 'DataStreamMissing', message });
    expect(asked).toEqual([]);
  });

  test.each([
    ['may not see the tag', answered('AccessDeniedException', 'not authorized'), 'not authorized'],
    [
      'finds a DataStream of before the tag',
      { Project: 'cdktf-datastream' },
      `${DATA_STREAM} has no tag datastream:bucket: deploy the DataStream again.`,
    ],
  ])('goes on where it %s, and logs what it has not checked', async (_, tags, why) => {
    const { request, warned } = place({ tags });
    expect(await request()).toMatchObject({ download: KEY });
    expect(warned).toEqual([[`not checked: whether the DataStream reaches s3://${BUCKET}`, { why }]]);
  });

  test('asks nobody for the tags where the deployment does not want it', async () => {
    const tags = answered('ResourceNotFound', 'nobody is asked');
    expect(await place({ tags, deployment: { dataStreamArn: '' } }).request()).toMatchObject({ download: KEY });
  });

  test('leaves every other error of Step Functions to the Retry', async () => {
    const { request, asked } = place({ tags: answered('ThrottlingException', 'Rate exceeded') });
    await expect(request()).rejects.toMatchObject({ name: 'ThrottlingException' });
    expect(asked).toEqual([]);
  });

  test('says of a month that is published that it is, and starts nothing', async () => {
    const { request, asked } = place({ keys: [...INPUTS, 'summary/2025-11-01/manifest.json'] });
    expect(await request()).toMatchObject({
      published: true,
      message: expect.stringContaining(`are published already: s3://${BUCKET}/summary/2025-11-01/manifest.json`),
    });
    expect(asked).toEqual([]);
  });

  test("reads GBIF's open data without user and download", async () => {
    const open = ['occurrence/2025-11-01/occurrence.parquet/000000'];
    const tags = answered('ResourceNotFound', 'nobody is asked for the tags of a DataStream');
    const { request, asked } = place({ open, tags, deployment: { ingest: 'open-data', secretArn: '' } });
    expect(await request()).toMatchObject({
      source: {
        location: 's3://gbif-open-data-us-east-1/occurrence/2025-11-01/occurrence.parquet/',
        table: 'gbif-odr-occurrence_parquet',
      },
    });
    expect(asked).toEqual([]);
    const missing = place({ open, deployment: { ingest: 'open-data' } }).request({ snapshot: '2025-10-01' });
    await expect(missing).rejects.toMatchObject({ name: 'SnapshotMissing' });
  });

  test.each([
    ['that began before', [['zero', '2025-11-01T23:59:59Z']], 'AnotherMonthRuns'],
    ['of the same second whose ARN comes first', [['none', '2025-11-02T00:00:00Z']], 'AnotherMonthRuns'],
    [
      'on another page',
      [
        ['one', '2025-11-02T00:00:00Z'],
        ['zero', '2025-11-01T23:59:59Z'],
      ],
      'AnotherMonthRuns',
    ],
    ['that began later', [['two', '2025-11-02T00:00:01Z']], undefined],
    ['of the same second whose ARN comes later', [['two', '2025-11-02T00:00:00Z']], undefined],
    ['of its own', [['one', '2025-11-02T00:00:00Z']], undefined],
  ] as const)('waits for an execution %s, and for no other', async (_, running, name) => {
    const { request, asked } = place({ running });
    const ended = await request().then(
      () => undefined,
      (error: Error) => error.name,
    );
    expect(ended).toBe(name);
    if (name) expect(asked).toEqual([]);
  });

  test('puts no answer of GBIF into a command that has no form of a key', async () => {
    const answers = (_: string, { method }: RequestInit) =>
      method === 'POST' ? new Response(`${KEY}.zip; halt`) : undefined;
    await expect(place({ answers }).request()).rejects.toMatchObject({ name: 'InvalidKey' });
  });

  test.each(['', 'kay:open sesame', '{"username":"kay"}'])(
    'says how to write the secret when it has %p, and does not tell it',
    async (secret) => {
      const error = await place({ secret })
        .request()
        .catch((thrown) => thrown);
      expect(error).toMatchObject({
        name: 'DownloadRefused',
        message: expect.stringContaining('aws secretsmanager put-secret-value'),
      });
      expect(error.message).not.toContain('sesame');
    },
  );

  test('does not take an answer that the SDK cannot read for the value of the secret', async () => {
    const unreadable = new SyntaxError('Unexpected token < in JSON at position 0');
    await expect(place({ secret: unreadable }).request()).rejects.toBe(unreadable);
  });

  test.each([
    [401, 'DownloadRefused'],
    [503, 'ServiceUnavailable'],
    [429, 'ServiceUnavailable'],
    [420, 'ServiceUnavailable'],
    [400, 'DownloadRefused'],
  ])('GBIF answers %i: %s', async (status, name) => {
    await expect(place({ answers: () => new Response('no', { status }) }).request()).rejects.toMatchObject({ name });
  });

  test('a connection that breaks is a NetworkError, which is retried', async () => {
    const answers = () => {
      throw new TypeError('fetch failed');
    };
    await expect(place({ answers }).request()).rejects.toMatchObject({ name: 'NetworkError' });
  });
});

describe('AwaitDownload', () => {
  test('gives the execution file with the key of this download wherever its own stood', async () => {
    const { execution, source } = (await place().look()) as { execution: typeof example; source: object };
    expect(source).toEqual({ location: `s3://${BUCKET}/rawdata/${KEY}/`, table: 'gbif-odr-0007777_251101000000001' });
    const keys = JSON.stringify(execution).match(/\d{7}-\d{15}/g) ?? [];
    expect(new Set(keys)).toEqual(new Set([KEY]));
    expect(keys).toHaveLength(JSON.stringify(example).match(/\d{7}-\d{15}/g)?.length ?? 0);
    expect(parseExecution(execution).problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(execution.run_options.ii_check_s3.prefix).toBe(`rawdata/${KEY}/occurrence.txt`);
  });

  /** The parts of a text that may be a bucket's name. */
  const words = (text: string) => text.split(/([\w.-]+)/);

  test('puts its bucket in place of whole names, and leaves every other word', async () => {
    const name = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?$/);
    const other = fc.stringMatching(/^[-\w./ :="]{0,12}$/);
    await fc.assert(
      fc.asyncProperty(name, fc.array(other, { maxLength: 4 }), async (bucket, others) => {
        const commands = [
          `--S3_BUCKET ${bucket} s3://${bucket}/x ${bucket}-2 x.${bucket} meta${bucket} ${bucket}s ${others.join(bucket)}`,
        ];
        const run_options = { ...example.run_options, ii_check_s3: { bucket, prefix: 'x' } };
        const { look } = place({ ingest: { ...example, commands, run_options } });
        const { execution } = (await look()) as { execution: typeof example };
        const expected = words(commands[0] ?? '').map((word) => (word === bucket ? BUCKET : word));

        expect(execution.commands).toEqual([expected.join('')]);
        expect(execution.run_options.ii_check_s3.bucket).toBe(BUCKET);
        expect(Object.keys(execution)).toEqual(Object.keys(example));
      }),
    );
  });

  test.each(['PREPARING', 'RUNNING', 'SUSPENDED'])('waits while GBIF tells %s', async (status) => {
    await expect(place({ download: { status } }).look()).rejects.toMatchObject({ name: 'DownloadRunning' });
  });

  test('gives up after a day', async () => {
    const running = { download: { status: 'RUNNING' }, now: '2025-11-03T00:00:00Z' };
    await expect(place({ ...running, redriven: '2025-11-02T00:00:01Z' }).look()).rejects.toMatchObject({
      name: 'DownloadRunning',
    });
    const late = place(running).look();
    await expect(late).rejects.toMatchObject({
      name: 'DownloadLate',
      message: expect.stringContaining('still RUNNING after 24 hours'),
    });
  });

  test.each(['FAILED', 'CANCELLED', 'KILLED', 'FILE_ERASED'])('fails where GBIF tells %s', async (status) => {
    await expect(place({ download: { status } }).look()).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringMatching(new RegExp(`is ${status}: .*, then start a new month\\.$`)),
    });
  });

  test('ingests nothing that a query could not read', async () => {
    await expect(place({ download: { size: 2 ** 41 + 1 } }).look()).rejects.toMatchObject({
      name: 'ScanLimitExceeded',
      message: `GBIF's download ${KEY} has 2199023255553 bytes as a zip file alone, and a query may read 2199023255552: nothing was ingested. Deploy a higher scan_limit_bytes, then start a new month.`,
    });
  });

  test('puts no key of another form into the file', async () => {
    await expect(place().look("0007777-251101000000001'; halt #")).rejects.toMatchObject({ name: 'InvalidKey' });
  });
});

test('two predicates are the same if they choose the same rows', () => {
  const added = { ...PREDICATE, predicates: PREDICATE.predicates?.map((each) => ({ ...each, matchCase: false })) };
  expect(samePredicate(PREDICATE, added)).toBe(true);
  expect(samePredicate(PREDICATE, { ...PREDICATE, type: 'or' })).toBe(false);
  expect(samePredicate(PREDICATE, { ...PREDICATE, predicates: PREDICATE.predicates?.slice(1) ?? [] })).toBe(false);
});
