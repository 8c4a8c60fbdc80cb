import type { EC2ClientResolvedConfig } from '@aws-sdk/client-ec2';
import { SignatureV4 } from '@smithy/signature-v4';
import { dailyChangesAt, dailyIsLeft } from '../../executions/datastream-command/dates';
import { DAILY_MARGIN_S, expandRanges, s3Parts } from '../../executions/input-uris';
import type { Execution } from '../../executions/model';
import { REGION } from '../../executions/region';
import type { Clock } from '../runtime/clock';
import type { Log } from '../runtime/handler';
import { DatastreamError, ErrorName } from './errors';

/** How many inputs a look asks for at once. Each is a connection, and the function has a seventh of a CPU. */
const AT_ONCE = 16;
/** After so long a look asks for no further input, so that the function can still launch and wait for SSM in its 60 s. */
const LOOK_MS = 25_000;
/** How long one request may take. */
export const HEAD_MS = 5_000;
/** Before a request is repeated that got no answer, HTTP 429 or 5xx: three tries, as the SDK's clients make. */
const PAUSES_MS = [1_000, 3_000] as const;
const MOST_REDIRECTS = 5;
/** Characters of a Cause that lists inputs. EC2Stopper keeps 16,000. */
const LIST_KEPT = 12_000;

/** Sends a HEAD request and follows no redirect. Rejects when no answer comes in time. */
export type Head = (
  url: string,
  headers: Readonly<Record<string, string>>,
) => Promise<{ readonly status: number; readonly headers: Pick<Headers, 'get'> }>;

/** `Head` over the network. */
export const fetchHead: Head = (url, headers) =>
  fetch(url, { method: 'HEAD', headers, redirect: 'manual', signal: AbortSignal.timeout(HEAD_MS) });

/** Signs requests to S3 with what a client of EC2 has for its own. S3's whole client would be 76 KB more to load. */
export function s3Signer(
  { credentials, sha256 }: Pick<EC2ClientResolvedConfig, 'credentials' | 'sha256'>,
  region: string,
): Pick<SignatureV4, 'sign'> {
  // S3 is the one service whose paths are escaped once (IAM User Guide, create a signed AWS API request).
  return new SignatureV4({ service: 's3', credentials, sha256, region, uriEscapePath: false });
}

export interface InputClients {
  readonly head: Head;
  readonly signer: Pick<SignatureV4, 'sign'>;
  readonly clock: Clock;
  readonly region: string;
}

/**
 * The gate of `ii_wait_inputs`: returns when every input of the job exists, and at once for a job without a gate.
 * Every launch comes after a look, so one of a further attempt too: an input may have vanished since.
 *
 * @param job with its dates
 * @param start when the execution started, from which `wait_s` counts
 * @throws InputsNotReady while it waits; the state's Retry looks again
 * @throws InputsMissing when the wait is over
 */
export async function awaitInputs(job: Execution, start: Date, clients: InputClients, log: Log): Promise<void> {
  const gate = job.ii_wait_inputs;
  if (!gate) return;
  const now = clients.clock.now().getTime();
  const changes = dailyIsLeft(job.commands) ? dailyChangesAt(job, start) : undefined;
  if (changes && now >= changes.getTime()) {
    throw new DatastreamError(
      ErrorName.InputsMissing,
      `The commands read DAILY on the instance. Since ${changes.toISOString()} that is another day than the one whose ` +
        'inputs run_options.ii_wait_inputs asks for, so nothing is launched: start the job again.',
    );
  }
  const waited = start.getTime() + gate.wait_s * 1000;
  const until = Math.min(waited, (changes?.getTime() ?? Number.POSITIVE_INFINITY) - DAILY_MARGIN_S * 1000);
  const over = now >= until;
  const uris = [...new Set(gate.uris.flatMap(expandRanges))];
  const missing = await look(uris, over, clients, now + LOOK_MS);
  if (missing.length === 0) return log.info('inputs are there', { inputs: uris.length });
  const told = list(missing);
  const logged = `Of ${uris.length} inputs not all are there.`;
  if (!over) {
    const end = new Date(until).toISOString();
    throw new DatastreamError(ErrorName.InputsNotReady, `Until ${end} waiting for inputs, first of all:${told}`, {
      logged,
    });
  }
  const why =
    until === waited
      ? `${gate.wait_s} s after the start (run_options.ii_wait_inputs.wait_s)`
      : `shortly before DAILY, which the commands read on the instance, is another day (${changes?.toISOString()})`;
  throw new DatastreamError(
    ErrorName.InputsMissing,
    `${missing.length} of ${uris.length} inputs ${missing.length === 1 ? 'is' : 'are'} missing ${why}, so nothing was ` +
      `launched. Put them there and start the job again, or correct the URIs.${told}`,
    { logged },
  );
}

/** An answer in the user's words; without a status there was none. */
interface Answer {
  readonly status?: number;
  readonly text: string;
  readonly header: (name: string) => string | null;
}

interface Missing {
  readonly uri: string;
  readonly answer: string;
}

/**
 * Which inputs are missing. While the job waits it is enough to know of one. The last one is asked for first and alone:
 * forecasts are written in their order, so that a look mostly takes one request.
 *
 * @param all whether every missing one must be told
 * @param end after which time no further one is asked for
 */
async function look(uris: readonly string[], all: boolean, clients: InputClients, end: number): Promise<Missing[]> {
  const missing: Missing[] = [];
  const one = async (uri: string) => {
    const inTime = clients.clock.now().getTime() < end;
    const answer = inTime ? await ask(uri, clients, end) : undefined;
    if (!answer || !isThere(answer)) missing.push({ uri, answer: answer?.text ?? 'not asked for, the time was over' });
  };
  const [last = '', ...others] = uris.toReversed();
  await one(last);
  const queue = others.values();
  const work = async () => {
    for (const uri of queue) {
      if (!all && missing.length > 0) return;
      await one(uri);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return uris.flatMap((uri) => missing.find((each) => each.uri === uri) ?? []);
}

function list(missing: readonly Missing[]): string {
  let told = '';
  const shown = missing.findIndex(({ uri, answer }) => {
    const line = `\n${uri}: ${answer}`;
    if (told.length + line.length > LIST_KEPT) return true;
    told += line;
    return false;
  });
  const more = shown < 0 ? '' : `\n... and ${missing.length - shown} more`;
  const denied = missing.some(({ answer }) => answer.startsWith('403'))
    ? '\n(403: S3 answers so for a missing object too, where its bucket may not be listed.)'
    : '';
  return told + more + denied;
}

const isThere = ({ status = 0 }: Answer) => status >= 200 && status < 300;
const isFault = ({ status = 500 }: Answer) => status >= 500 || status === 429;

async function ask(uri: string, clients: InputClients, end: number): Promise<Answer> {
  const object = s3Parts(uri);
  const once = () => (object ? askS3(object, clients) : askWeb(uri, clients));
  let answer = await once();
  for (const pause of PAUSES_MS) {
    if (!isFault(answer) || clients.clock.now().getTime() + pause >= end) break;
    await clients.clock.sleep(pause);
    answer = await once();
  }
  return answer;
}

async function send(url: string, headers: Readonly<Record<string, string>>, { head }: InputClients): Promise<Answer> {
  try {
    const reply = await head(url, headers);
    return { status: reply.status, text: String(reply.status), header: (name) => reply.headers.get(name) };
  } catch (error) {
    // fetch says only 'fetch failed'; why is in the cause.
    const { name, cause } = error as { name: string; cause?: { code?: string } };
    return { text: `no answer (${cause?.code ?? name})`, header: () => null };
  }
}

/** The region that S3 says a bucket is in (S3 API Reference, HeadBucket, x-amz-bucket-region). */
function regionIn(answer: Answer): string | undefined {
  const region = answer.header('x-amz-bucket-region');
  return region !== null && REGION.test(region) ? region : undefined;
}

/**
 * An object of S3, by a signed request, in the region where S3 says the bucket is. What the role may not see is asked for
 * without a signature: a bucket of another account that everybody may read needs no permission of the role, but
 * refuses its signature without one.
 */
async function askS3(
  { bucket, key }: { readonly bucket: string; readonly key: string },
  clients: InputClients,
  region = clients.region,
): Promise<Answer> {
  const own = `s3.${region}.amazonaws.com`;
  // S3's certificate covers no name with further dots.
  const [hostname, folder] = bucket.includes('.') ? [own, `/${bucket}`] : [`${bucket}.${own}`, ''];
  const path = `${folder}/${key.split('/').map(escaped).join('/')}`;
  const request = { method: 'HEAD', protocol: 'https:', hostname, path, query: {}, headers: { host: hostname } };
  const { headers } = await clients.signer.sign(request, { signingRegion: region, signingDate: clients.clock.now() });
  const { host: _, ...signed } = headers;
  const url = `https://${hostname}${path}`;
  const answer = await send(url, signed, clients);
  const home = regionIn(answer);
  if ([301, 307, 400].includes(answer.status ?? 0) && home && home !== region && region === clients.region) {
    return askS3({ bucket, key }, clients, home);
  }
  if (answer.status !== 403) return answer;
  const unsigned = await askWeb(url, clients);
  return isThere(unsigned) || unsigned.status === 404 ? unsigned : answer;
}

/** A segment of a path as S3's signatures have it. */
function escaped(segment: string): string {
  return encodeURIComponent(segment).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
}

const S3_HOST = /^((?:.+\.)?)s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com$/;

async function askWeb(url: string, clients: InputClients, redirects = MOST_REDIRECTS): Promise<Answer> {
  const answer = await send(url, {}, clients);
  const { status = 0, text } = answer;
  if (status < 300 || status > 399) return answer;
  const to = target(url, answer);
  if (to === undefined) return answer;
  if (to.protocol !== 'https:') return { ...answer, text: `${text} to ${to.href}, which is not https` };
  if (redirects === 0) return { ...answer, text: `${text} after ${MOST_REDIRECTS} redirects` };
  return askWeb(to.href, clients, redirects - 1);
}

/** Where an answer leads. S3 names only the region of a bucket that is elsewhere. */
function target(url: string, answer: Answer): URL | undefined {
  const location = answer.header('location');
  if (location !== null) return URL.canParse(location, url) ? new URL(location, url) : undefined;
  const region = regionIn(answer);
  const to = new URL(url);
  if (region === undefined || !S3_HOST.test(to.hostname)) return undefined;
  to.hostname = to.hostname.replace(S3_HOST, `$1s3.${region}.amazonaws.com`);
  return to;
}
