import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@aws-lambda-powertools/logger';
import { EC2Client } from '@aws-sdk/client-ec2';
import { resolveDates } from '../../../executions/datastream-command/dates';
import { mayRetry } from '../../../lambdas/datastream/errors';
import { awaitInputs, fetchHead, type Head, s3Signer } from '../../../lambdas/datastream/inputs';
import { virtualClock } from '../../../local/clock';
import { executionOf, november2024File } from '../../support/executions';

const START = '2026-08-18T10:00:00.000Z';
const SILENT = new Logger({ logLevel: 'SILENT' });
const SIGNER = s3Signer(
  new EC2Client({
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' },
  }).config,
  'us-east-1',
);

type Reply = number | readonly [status: number, headers: Record<string, string>] | Error;
interface Request {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One look at the inputs, `after` seconds from the execution's start. */
async function look(
  uris: readonly string[],
  reply: (request: Request, nth: number) => Reply,
  { after = 0, wait_s = 3600, commands = ['./job'], latency = 50 } = {},
) {
  const clock = virtualClock(new Date(Date.parse(START) + after * 1000));
  const requests: Request[] = [];
  let [open, most] = [0, 0];
  const head: Head = async (url, headers) => {
    const request = { url, headers };
    const answer = reply(request, requests.push(request));
    most = Math.max(most, ++open);
    await clock.sleep(latency);
    open--;
    if (answer instanceof Error) throw answer;
    const [status, replied] = typeof answer === 'number' ? [answer, {}] : answer;
    return { status, headers: new Headers(replied) };
  };
  const file = november2024File({ commands, run_options: { ii_wait_inputs: { wait_s, uris } } });
  const job = resolveDates(executionOf(file), new Date(START));
  const clients = { head, signer: SIGNER, clock, region: 'us-east-1' };
  const begun = clock.now().getTime();
  const failure = await clock.run(
    awaitInputs(job, new Date(START), clients, SILENT).then(
      () => undefined,
      (error: Error & { logged?: string }) => error,
    ),
  );
  const seconds = (clock.now().getTime() - begun) / 1000;
  return { name: failure?.name, message: failure?.message ?? '', logged: failure?.logged, requests, most, seconds };
}

const OVER = { after: 3600 };

describe('A look at the inputs', () => {
  it('passes when all are there', async () => {
    const { name, requests } = await look(['https://example.org/f{01..18}.nc', 's3://b-1/k'], () => 200);

    expect(name).toBeUndefined();
    expect(new Set(requests.map(({ url }) => url)).size).toBe(19);
  });

  it('asks for nothing, and passes, where the file has no gate', async () => {
    const job = executionOf(november2024File());
    const never = () => Promise.reject(new Error('asked'));
    const clients = { head: never, signer: SIGNER, clock: virtualClock(new Date(START)), region: 'us-east-1' };

    await expect(awaitInputs(job, new Date(START), clients, SILENT)).resolves.toBeUndefined();
  });

  it('asks for the last one alone, and for no more when that is missing', async () => {
    const { name, message, requests } = await look(['https://example.org/f{01..18}.nc'], () => 404);

    expect(name).toBe('InputsNotReady');
    expect(message).toBe(
      'Until 2026-08-18T11:00:00.000Z waiting for inputs, first of all:\nhttps://example.org/f18.nc: 404',
    );
    expect(requests).toHaveLength(1);
  });

  it('finds the one that is missing in the middle', async () => {
    const { name, message } = await look(['https://example.org/f{01..18}.nc'], ({ url }) =>
      url.includes('f07') ? 404 : 200,
    );

    expect(name).toBe('InputsNotReady');
    expect(message).toContain('f07.nc: 404');
  });

  it('asks for sixteen at once, and for each once', async () => {
    const { most, requests } = await look(['https://example.org/{1..500}', 'https://example.org/{1..100}'], () => 200);

    expect(most).toBe(16);
    expect(requests).toHaveLength(500);
  });

  it('ends in time though every answer is slow, and says for which it has not asked', async () => {
    const { name, message, seconds } = await look(['https://example.org/{1..1000}'], () => 200, {
      ...OVER,
      latency: 4_900,
    });

    expect(name).toBe('InputsMissing');
    expect(message).toContain(': not asked for, the time was over');
    expect(seconds).toBeLessThan(30);
  });

  const FAULTS: Readonly<Record<string, Reply>> = {
    '429': 429,
    '500': 500,
    '503': 503,
    'no answer (ECONNREFUSED)': Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } }),
    'no answer (TimeoutError)': Object.assign(new Error('late'), { name: 'TimeoutError' }),
  };

  it.each(Object.keys(FAULTS))('repeats a request twice after %s', async (fault) => {
    const { name, requests } = await look(['https://example.org/a'], (_, nth) =>
      nth <= 2 ? (FAULTS[fault] ?? 0) : 200,
    );

    expect(name).toBeUndefined();
    expect(requests).toHaveLength(3);
  });

  it.each(Object.keys(FAULTS))('counts %s as not ready when it lasts, and tells it', async (fault) => {
    const { name, message, requests } = await look(['https://example.org/a'], () => FAULTS[fault] ?? 0);

    expect(name).toBe('InputsNotReady');
    expect(message).toContain(`https://example.org/a: ${fault}`);
    expect(requests).toHaveLength(3);
  });

  it('keeps the URIs out of the log', async () => {
    const { logged } = await look(['https://example.org/secret{1..2}'], () => 404, OVER);

    expect(logged).toBe('Of 2 inputs not all are there.');
  });
});

describe('The end of the wait', () => {
  it('names each missing input and its answer', async () => {
    const answers: Record<string, number> = { f01: 404, f02: 200, f03: 403, f04: 410 };
    const { name, message } = await look(
      ['https://example.org/f{01..04}.nc'],
      ({ url }) => answers[url.slice(-6, -3)] ?? 0,
      OVER,
    );

    expect(name).toBe('InputsMissing');
    expect(message).toBe(
      '3 of 4 inputs are missing 3600 s after the start (run_options.ii_wait_inputs.wait_s), so nothing was launched. ' +
        'Put them there and start the job again, or correct the URIs.\n' +
        'https://example.org/f01.nc: 404\nhttps://example.org/f03.nc: 403\nhttps://example.org/f04.nc: 410\n' +
        '(403: S3 answers so for a missing object too, where its bucket may not be listed.)',
    );
  });

  it('is final: no further attempt could help', () => {
    expect(mayRetry('InputsMissing')).toBe(false);
  });

  it('fits into a Cause whatever the number of inputs, and says how many more there are', async () => {
    const { message } = await look([`s3://b-1/${'x'.repeat(100)}/{1..1000}`], () => 404, OVER);

    expect(message.length).toBeLessThan(13_000);
    const shown = message.match(/: 404$/gm)?.length ?? 0;
    expect(message).toMatch(new RegExp(`\\n\\.\\.\\. and ${1000 - shown} more$`));
  });

  it('launches what has come at the last moment', async () => {
    expect((await look(['https://example.org/a'], () => 200, OVER)).name).toBeUndefined();
  });
});

describe('A request over the network', () => {
  const requests: { method?: string; url?: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer(({ method, url, headers }, response) => {
    requests.push({ method, url, headers });
    response.writeHead(302, { location: '/elsewhere', 'x-amz-bucket-region': 'us-west-2' }).end();
  });
  let origin = '';
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  it('is a HEAD request with the headers as given, and follows no redirect', async () => {
    const { status, headers } = await fetchHead(`${origin}/a%20b?c=d`, { authorization: 'signed' });

    expect([status, headers.get('location'), headers.get('x-amz-bucket-region')]).toEqual([
      302,
      '/elsewhere',
      'us-west-2',
    ]);
    expect(requests).toEqual([
      { method: 'HEAD', url: '/a%20b?c=d', headers: expect.objectContaining({ authorization: 'signed' }) },
    ]);
  });

  it('is rejected with its reason when nobody answers', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, 'close');

    await expect(fetchHead(`http://127.0.0.1:${port}/`, {})).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });
});

describe('An object of S3', () => {
  it('is asked for with a signature, in the region of the deployment', async () => {
    const { requests } = await look(['s3://b-1/a b/(c)+d.nc'], () => 200);

    expect(requests.map(({ url }) => url)).toEqual(['https://b-1.s3.us-east-1.amazonaws.com/a%20b/%28c%29%2Bd.nc']);
    expect(requests[0]?.headers).toMatchObject({
      'x-amz-date': '20260818T100000Z',
      'x-amz-security-token': 'token',
      authorization: expect.stringContaining('Credential=AKIDEXAMPLE/20260818/us-east-1/s3/aws4_request'),
    });
  });

  it('has the signature that S3 computes (IAM User Guide, create a signed AWS API request)', async () => {
    const { requests } = await look(['s3://b-1/a b/(c).nc'], () => 200);

    const { authorization = '', ...headers } = requests[0]?.headers ?? {};
    const [, names = '', signature] = /SignedHeaders=([^,]+), Signature=(\w+)/.exec(authorization) ?? [];
    const sent: Record<string, string> = { ...headers, host: 'b-1.s3.us-east-1.amazonaws.com' };
    const empty = createHash('sha256').digest('hex');
    const lines = names.split(';').map((name) => `${name}:${sent[name]}\n`);
    const canonical = ['HEAD', '/a%20b/%28c%29.nc', '', lines.join(''), names, empty].join('\n');
    const scope = '20260818/us-east-1/s3/aws4_request';
    const hash = createHash('sha256').update(canonical).digest('hex');
    const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const key = scope.split('/').reduce<string | Buffer>(hmac, 'AWS4secret');
    const wanted = hmac(key, `AWS4-HMAC-SHA256\n20260818T100000Z\n${scope}\n${hash}`).toString('hex');
    expect(names.split(';')).toEqual(expect.arrayContaining(['host', 'x-amz-content-sha256', 'x-amz-security-token']));
    expect(headers['x-amz-content-sha256']).toBe(empty);
    expect(signature).toBe(wanted);
  });

  it('is addressed by its path where the bucket has dots, for which S3 has no certificate', async () => {
    const { requests } = await look(['s3://data.example.org/k'], () => 200);

    expect(requests[0]?.url).toBe('https://s3.us-east-1.amazonaws.com/data.example.org/k');
  });

  it.each([301, 307, 400])('is asked for in the region that S3 names with %d', async (status) => {
    const { name, requests } = await look(['s3://b-1/k'], ({ url }) =>
      url.includes('us-west-2') ? 200 : [status, { 'x-amz-bucket-region': 'us-west-2' }],
    );

    expect(name).toBeUndefined();
    expect(requests.map(({ url }) => url)).toEqual([
      'https://b-1.s3.us-east-1.amazonaws.com/k',
      'https://b-1.s3.us-west-2.amazonaws.com/k',
    ]);
    expect(requests[1]?.headers.authorization).toContain('/us-west-2/s3/');
  });

  it('is not asked for in what is no region', async () => {
    const { message, requests } = await look(['s3://b-1/k'], () => [301, { 'x-amz-bucket-region': 'evil.example#' }]);

    expect(requests).toHaveLength(1);
    expect(message).toContain('s3://b-1/k: 301');
  });

  it('does not go from region to region for ever', async () => {
    const regions = ['us-west-2', 'eu-west-1'];
    const { name, requests } = await look(['s3://b-1/k'], (_, nth) => [
      301,
      { 'x-amz-bucket-region': regions[nth % 2] ?? '' },
    ]);

    expect(name).toBe('InputsNotReady');
    expect(requests).toHaveLength(2);
  });

  it('of a bucket that everybody may read is asked for without the signature that is refused', async () => {
    const open = await look(['s3://noaa-nwm-pds/k'], ({ headers }) => (headers.authorization ? 403 : 200));
    const missing = await look(['s3://noaa-nwm-pds/k'], ({ headers }) => (headers.authorization ? 403 : 404), OVER);

    expect(open.name).toBeUndefined();
    expect(missing.message).toContain('s3://noaa-nwm-pds/k: 404');
  });

  it('counts as missing when it is refused either way', async () => {
    const { name, message, requests } = await look(['s3://b-1/k'], () => 403);

    expect(name).toBe('InputsNotReady');
    expect(message).toContain('s3://b-1/k: 403');
    expect(requests).toHaveLength(2);
  });
});

describe('A URL', () => {
  it('is asked for without a signature', async () => {
    const { requests } = await look(['https://b-1.s3.amazonaws.com/k'], () => 200);

    expect(requests).toEqual([{ url: 'https://b-1.s3.amazonaws.com/k', headers: {} }]);
  });

  it('is followed, also to another host', async () => {
    const { name, requests } = await look(['https://example.org/a'], ({ url }) => {
      if (url.endsWith('/a')) return [302, { location: '/b' }];
      return url.endsWith('/b') ? [307, { location: 'https://mirror.example.org/c' }] : 200;
    });

    expect(name).toBeUndefined();
    expect(requests.map(({ url }) => url)).toEqual([
      'https://example.org/a',
      'https://example.org/b',
      'https://mirror.example.org/c',
    ]);
  });

  it('is not followed to plain http', async () => {
    const { message, requests } = await look(['https://example.org/a'], () => [
      301,
      { location: 'http://example.org/b' },
    ]);

    expect(message).toContain('https://example.org/a: 301 to http://example.org/b, which is not https');
    expect(requests).toHaveLength(1);
  });

  it('is followed five times', async () => {
    const { message, requests } = await look(['https://example.org/a'], () => [302, { location: '/a' }]);

    expect(message).toContain('https://example.org/a: 302 after 5 redirects');
    expect(requests).toHaveLength(6);
  });

  it('that leads nowhere is told as it is', async () => {
    expect((await look(['https://example.org/a'], () => 304)).message).toContain('https://example.org/a: 304');
  });

  it("of another region's bucket is asked for there", async () => {
    const { name, requests } = await look(
      ['https://b-1.s3.amazonaws.com/k', 'https://s3.us-east-1.amazonaws.com/b.2/k'],
      ({ url }) => (url.includes('us-west-2') ? 200 : [301, { 'x-amz-bucket-region': 'us-west-2' }]),
    );

    expect(name).toBeUndefined();
    expect(requests.map(({ url }) => url)).toEqual([
      'https://s3.us-east-1.amazonaws.com/b.2/k',
      'https://s3.us-west-2.amazonaws.com/b.2/k',
      'https://b-1.s3.amazonaws.com/k',
      'https://b-1.s3.us-west-2.amazonaws.com/k',
    ]);
  });
});

describe('A gate whose dates would pass midnight', () => {
  // The day of the cycle of 15 h began yesterday and ends at 15:00, five hours after the start.
  const daily = { wait_s: 43_200, commands: ['./scripts/datastream -s DAILY --FORCING_SOURCE NWM_V3_SHORT_RANGE_15'] };
  const uris = ['s3://b-1/nwm.DAILY/k'];
  const at = (time: string) => ({ ...daily, after: (Date.parse(`2026-08-18T${time}Z`) - Date.parse(START)) / 1000 });

  it('waits until ten minutes before, though wait_s is longer', async () => {
    const { name, message } = await look(uris, () => 404, at('14:49:59'));

    expect(name).toBe('InputsNotReady');
    expect(message).toContain('Until 2026-08-18T14:50:00.000Z');
    expect(message).toContain('s3://b-1/nwm.20260817/k');
  });

  it('is over then, and says why', async () => {
    const { name, message } = await look(uris, () => 404, at('14:50:00'));

    expect(name).toBe('InputsMissing');
    expect(message).toContain(
      'DAILY, which the commands read on the instance, is another day (2026-08-18T15:00:00.000Z)',
    );
  });

  it('launches nothing on the next day, though the inputs are there', async () => {
    const { name, message, requests } = await look(uris, () => 200, at('15:00:00'));

    expect(name).toBe('InputsMissing');
    expect(message).toContain('start the job again');
    expect(requests).toHaveLength(0);
  });

  it('launches as long as the day lasts', async () => {
    expect((await look(uris, () => 200, at('14:59:00'))).name).toBeUndefined();
  });

  it('has its whole wait where no DAILY is left to the instance', async () => {
    const commands = ['./job --S3_BUCKET b-1 --S3_PREFIX out/DAILY --FORCING_SOURCE NWM_V3_SHORT_RANGE_15'];

    expect((await look(uris, () => 404, { ...at('21:59:59'), commands })).name).toBe('InputsNotReady');
    expect((await look(uris, () => 200, { ...at('23:00:00'), commands })).name).toBeUndefined();
  });
});
