import { ListObjectsV2Command } from '@aws-sdk/client-s3';
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
const log = { info() {}, warn() {}, error() {}, appendKeys() {}, resetKeys() {} };

interface Place {
  readonly keys?: readonly string[];
  readonly open?: readonly string[];
  /** What the secret has, or how Secrets Manager fails. Default: user and password. */
  readonly secret?: string | Error;
  readonly downloads?: readonly object[];
  readonly download?: object;
  readonly answers?: (url: string, init: RequestInit) => Response | undefined;
  readonly deployment?: Partial<GbifDeployment>;
  readonly now?: string;
  readonly ingest?: object;
}

function place({ keys = INPUTS, open = [], downloads = [], ...rest }: Place = {}) {
  const asked: { url: string; method: string; body?: unknown }[] = [];
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
      secretArn: SECRET,
      scanLimitBytes: 2 ** 41,
      ...rest.deployment,
    },
    ingest: rest.ingest ?? example,
  };
  return {
    asked,
    request: (input: unknown = {}) =>
      gbif({ action: 'request', execution: EXECUTION, input, started: '2025-11-02T00:00:00Z' }, clients, log),
    look: (download = KEY) =>
      gbif(
        {
          action: 'await',
          execution: EXECUTION,
          state: { snapshot: '2025-11-01', suffix: '2025_11_01', published: false, download },
          since: '2025-11-02T00:00:00Z',
        },
        clients,
        log,
      ),
  };
}

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
    const { request, asked } = place({ open, deployment: { ingest: 'open-data', secretArn: '' } });
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
    const late = place({ download: { status: 'RUNNING' }, now: '2025-11-03T00:00:00Z' }).look();
    await expect(late).rejects.toMatchObject({
      name: 'DownloadLate',
      message: expect.stringContaining('still RUNNING after 24 hours'),
    });
  });

  test.each(['FAILED', 'CANCELLED', 'KILLED', 'FILE_ERASED'])('fails where GBIF tells %s', async (status) => {
    await expect(place({ download: { status } }).look()).rejects.toMatchObject({
      name: 'DownloadFailed',
      message: expect.stringContaining(`is ${status}`),
    });
  });

  test('ingests nothing that a query could not read', async () => {
    await expect(place({ download: { size: 2 ** 41 + 1 } }).look()).rejects.toMatchObject({
      name: 'ScanLimitExceeded',
      message: expect.stringContaining('2199023255553 bytes as a zip file alone, and a query may read 2199023255552'),
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
