import type { ItemReader, MapResource } from './definition';
import { failure, StatesError } from './errors';
import { serviceOf } from './integrations';
import { type MapRun, recordOf } from './map-run';
import { fill, need, type Scope } from './paths';

type Parameters = Readonly<Record<string, unknown>>;
/** Calls a service, such as `s3:getObject`. */
type Services = (service: string, parameters: Parameters) => Promise<unknown>;

async function call(services: Services, { Resource }: MapResource, parameters: Parameters, error: string) {
  try {
    return await services(serviceOf(Resource).service, parameters);
  } catch (cause) {
    throw failure(error, `${(cause as Error).name}: ${(cause as Error).message}`);
  }
}

/**
 * The items of a distributed Map that an object of S3 holds (Step Functions Developer Guide, ItemReader).
 *
 * @throws States.ItemReaderFailed if the object cannot be read, or is not of its InputType
 */
export async function readItems(reader: ItemReader, scope: Scope, services: Services): Promise<unknown[]> {
  const { ReaderConfig: { InputType, CSVHeaderLocation, CSVHeaders, MaxItems, MaxItemsPath } = {} } = reader;
  const refuse = (cause: string) => failure(StatesError.itemReaderFailed, cause);
  const parameters = fill(reader.Parameters, scope) as Parameters;
  const { Body } = (await call(services, reader, parameters, StatesError.itemReaderFailed)) as { Body: string };
  const items = (): unknown => {
    if (InputType === 'JSON') return JSON.parse(Body);
    if (InputType === 'JSONL') return Body.split('\n').flatMap((line) => (line.trim() ? [JSON.parse(line)] : []));
    if (InputType !== 'CSV') throw new Error(`InputType is '${InputType}': name CSV, JSON or JSONL`);
    const rows = rowsOf(Body);
    const header = CSVHeaderLocation === 'GIVEN' ? CSVHeaders : rows.shift();
    return rows.map((row) => Object.fromEntries((header ?? []).map((name, index) => [name, row[index] ?? ''])));
  };
  let read: unknown;
  try {
    read = items();
  } catch (error) {
    throw refuse(`s3://${parameters.Bucket}/${parameters.Key}: ${(error as Error).message}`);
  }
  if (!Array.isArray(read)) throw refuse(`s3://${parameters.Bucket}/${parameters.Key} holds no array.`);
  const most = MaxItemsPath === undefined ? MaxItems : Number(need(MaxItemsPath, scope));
  return read.slice(0, most || undefined);
}

/** The rows of a CSV file (RFC 4180). An empty line is none. */
function rowsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ',') rows.push([]);
  }
  return rows.filter((row) => row.length > 1 || (row[0] ?? '') !== '');
}

/**
 * Writes the results of a Map Run: a file for each status, and a manifest (Step Functions Developer Guide,
 * ResultWriter).
 *
 * @returns the result of the Map state
 * @throws States.ResultWriterFailed if an object cannot be written
 */
export async function writeResults(
  writer: MapResource,
  run: MapRun,
  scope: Scope,
  services: Services,
): Promise<unknown> {
  const { Bucket, Prefix = '' } = fill(writer.Parameters, scope) as { Bucket: string; Prefix?: string };
  const folder = [...(Prefix ? [Prefix.replace(/\/$/, '')] : []), run.arn.split(':').at(-1)].join('/');
  const put = async (file: string, content: unknown) => {
    const [Key, Body] = [`${folder}/${file}`, JSON.stringify(content)];
    await call(services, writer, { Bucket, Key, Body }, StatesError.resultWriterFailed);
    return { Key, Size: Buffer.byteLength(Body) };
  };
  const succeeded = run.children.filter(({ status }) => status === 'SUCCEEDED').map(recordOf);
  const failed = run.children.filter(({ status }) => status !== 'SUCCEEDED').map(recordOf);
  const pending = run.inputs
    .slice(run.children.length)
    .map((input) => ({ Input: JSON.stringify(input), InputDetails: { Included: true }, Status: 'PENDING' }));
  const ResultFiles: Record<string, unknown> = {};
  for (const [status, records] of Object.entries({ FAILED: failed, PENDING: pending, SUCCEEDED: succeeded })) {
    ResultFiles[status] = records.length > 0 ? [await put(`${status}_0.json`, records)] : [];
  }
  const { Key } = await put('manifest.json', { DestinationBucket: Bucket, MapRunArn: run.arn, ResultFiles });
  run.resultsWritten = run.inputs.length;
  return { MapRunArn: run.arn, ResultWriterDetails: { Bucket, Key } };
}
