import * as z from 'zod';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { BisonError, ErrorName } from './errors';

/** Rows of Athena's GetQueryResults: the first has the columns' names. */
const Rows = z.array(z.object({ Data: z.array(z.object({ VarCharValue: z.string().optional() })) }));

const Counts = z.record(z.string(), z.number());
type Counts = z.output<typeof Counts>;

export const VerifierEvent = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('schema'),
    table: z.object({
      columns: z.array(z.object({ Name: z.string(), Type: z.string().optional() })),
      parameters: z.record(z.string(), z.string()).optional(),
      location: z.string(),
    }),
    /** The folder of the month's data. */
    location: z.string(),
    /** The columns that the subset reads, with the types that it can read. */
    readable: z.record(z.string(), z.array(z.string())),
  }),
  z.object({ action: z.literal('subset'), rows: Rows }),
  z.object({
    action: z.literal('compare'),
    counts: Counts,
    rows: Rows,
    /** The results of each kind of region. */
    results: z.array(z.object({ name: z.string(), region: z.string() })),
  }),
]);

type Event = z.infer<typeof VerifierEvent>;

export interface VerifierLimits {
  /** Bytes that one query may read. */
  readonly scanLimitBytes: number;
}

/**
 * Checks the crawled table before the first query, the subset before the first job, and the counts before anything is
 * published. It calls nothing and writes nothing.
 *
 * @returns the counts that agree, by their names; of a table, how many bytes a query reads
 * @throws CrawledElsewhere, SchemaChanged, ScanLimitExceeded, CountMismatch
 */
export async function verify(
  event: Event,
  limits: VerifierLimits,
  log: Log,
): Promise<Readonly<Record<string, number>>> {
  switch (event.action) {
    case 'schema':
      return schema(event, limits);
    case 'subset':
      return subset(countsOf(event.rows));
    default: {
      const counts = compare({ ...event.counts, ...countsOf(event.rows) }, event.results);
      log.info('the counts agree', counts);
      return counts;
    }
  }
}

function schema({ table, location, readable }: Event & { action: 'schema' }, { scanLimitBytes }: VerifierLimits) {
  // A crawler names the folder with or without its last slash, or its one file.
  if (!`${table.location}/`.startsWith(location.replace(/\/*$/, '/'))) {
    throw new BisonError(
      ErrorName.CrawledElsewhere,
      `The crawled table lies in ${table.location}, and the month's data in ${location}: something else has pointed the crawler there. No query was started. Start a new month.`,
    );
  }
  const types = new Map(table.columns.map(({ Name, Type = '' }) => [Name.toLowerCase(), Type.toLowerCase()]));
  const problems = Object.entries(readable).flatMap(([name, allowed]) => {
    const type = types.get(name);
    if (type === undefined) return [`${name} is missing`];
    // `decimal(17,2)` and `varchar(64)` have their lengths behind.
    return allowed.includes(type.replace(/\(.*/, ''))
      ? []
      : [`${name} is ${type}, which is none of ${allowed.join(', ')}`];
  });
  if (problems.length > 0) {
    throw new BisonError(
      ErrorName.SchemaChanged,
      `The crawled table has another schema than the subset reads: ${problems.join('; ')}. No query was started.`,
    );
  }
  // A crawler writes how many bytes it has found. Athena reads all of a text, of Parquet the columns in use.
  const { sizeKey, classification } = table.parameters ?? {};
  const bytes = Number(sizeKey ?? 0);
  if (classification !== 'parquet' && bytes > scanLimitBytes) {
    throw new BisonError(
      ErrorName.ScanLimitExceeded,
      `The crawled table has ${bytes} bytes, and a query may read ${scanLimitBytes}: no query was started. Deploy a higher scan_limit_bytes, then start a new month.`,
    );
  }
  return { bytes };
}

function subset(counts: Counts): Counts {
  const { source, subset: chosen } = { source: need(counts, 'source'), subset: need(counts, 'subset') };
  if (chosen === 0) mismatch(`the subset has no rows of the source's ${source}`);
  if (chosen > source) mismatch(`the subset has ${chosen} rows, more than the source's ${source}`);
  return counts;
}

/** Compares all, and tells all that differs. */
function compare(counts: Counts, results: readonly { readonly name: string; readonly region: string }[]): Counts {
  const chosen = need(counts, 'subset');
  const annotated = need(counts, 'annotated');
  const unknown = need(counts, 'unknown_assessment');
  const problems = [
    ...(annotated === chosen ? [] : [`${annotated} rows are annotated, of a subset of ${chosen}`]),
    ...(unknown === 0 ? [] : [`${unknown} rows have an assessment that is no known word`]),
    ...results.flatMap(({ name, region }) => {
      const rows = need(counts, region);
      const sum = need(counts, name);
      return sum === rows ? [] : [`${name} has a sum of ${sum}, and ${rows} annotated rows have a ${region}`];
    }),
  ];
  if (problems.length > 0) mismatch(problems.join('; '));
  return counts;
}

function mismatch(problem: string): never {
  throw new BisonError(ErrorName.CountMismatch, `The counts do not agree: ${problem}. Nothing was published.`);
}

function need(counts: Counts, name: string): number {
  const count = counts[name];
  if (count === undefined) mismatch(`there is no count of ${name}`);
  return count;
}

/** Names and numbers of a query's answer. */
function countsOf([, ...rows]: z.output<typeof Rows>): Counts {
  return Object.fromEntries(
    rows.map(({ Data: [name, n] }) => [name?.VarCharValue ?? '', Number(n?.VarCharValue ?? Number.NaN)]),
  );
}

export const handler = lazily(() => {
  const limits = { scanLimitBytes: Number(environment('SCAN_LIMIT_BYTES')) };
  return createHandler('verifier', VerifierEvent, (event, log) => verify(event, limits, log));
});
