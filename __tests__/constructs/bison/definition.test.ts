import validate from 'asl-validator';
import type { State } from '../../../constructs/aws/states-language';
import { type DefinitionProps, definition } from '../../../constructs/bison/definition';
import { countQuery, RESULTS, resultQuery, subsetQuery, verifyQuery } from '../../../constructs/bison/queries';
import { evaluateIntrinsic } from '../../../local/states/intrinsics';

const arn = (service: string, name: string) => `arn:aws:${service}:us-east-1:123456789012:${name}`;
const PROPS: DefinitionProps = {
  functionArns: { gbif: arn('lambda', 'function:gbif:1'), verifier: arn('lambda', 'function:verifier:1') },
  dataStreamArn: arn('states', 'stateMachine:datastream'),
  ingest: 'download',
  bucket: 'bison-123456789012-us-east-1',
  database: 'bison-metadata',
  workgroup: 'bison',
  crawler: 'bison',
  queueArn: arn('batch', 'job-queue/bison'),
  jobArns: {
    annotate_riis: arn('batch', 'job-definition/annotate_riis:1'),
    annotate: arn('batch', 'job-definition/annotate:1'),
    calc_stats: arn('batch', 'job-definition/calc_stats:1'),
  },
  chunks: 64,
};
const machine = definition(PROPS);
const states = machine.States;
const unload = states.Aggregate?.ItemProcessor?.States ?? {};

const SNAPSHOT = {
  snapshot: '2025-11-01',
  suffix: '2025_11_01',
  source: { location: 's3://b/rawdata/0004219-251025141854904/', table: 'gbif-odr-0004219_251025141854904' },
};
const CONTEXT = {
  Execution: { Id: arn('states', 'execution:bison:one') },
  State: { EnteredTime: '2025-11-02T03:04:05.678Z' },
};
const evaluate = (source: unknown, input: unknown = SNAPSHOT) =>
  evaluateIntrinsic(String(source), { data: input, context: CONTEXT, random: () => 0.5 } as never);
const queryOf = (state: State | undefined, input?: unknown) => evaluate(state?.Parameters?.['QueryString.$'], input);
const oneLine = (sql: string) => sql.replaceAll(/\s+/g, ' ');

test.each(['download', 'open-data'] as const)('is valid Amazon States Language: %s', (ingest) => {
  const { isValid, errorsText } = validate(definition({ ...PROPS, ingest }));
  expect(isValid ? '' : errorsText('\n')).toBe('');
});

test('without an ingest, the crawler is pointed at the open data at once', () => {
  const open = definition({ ...PROPS, ingest: 'open-data' });
  expect(open.States).not.toHaveProperty('Ingest');
  expect(open.States).not.toHaveProperty('AwaitDownload');
  expect(open.States.Riis?.Next).toBe('Point');
});

test('the states come in the order of the work', () => {
  const order = [];
  for (let name: string | undefined = machine.StartAt; name; ) {
    order.push(name);
    const { Next, Default, Choices }: State = states[name] as State;
    name = name === 'Crawled' ? String(Choices?.[0]?.Next) : (Next ?? Default);
  }
  expect(order.join(' ')).toBe(
    'Request Requested Riis AwaitDownload Ingest Point Clear Crawl NextLook AwaitCrawl LookAtCrawl Crawled Describe CheckSchema Subset Count ReadCounts CheckSubset Annotate CatalogAnnotated Results Aggregate Verify ReadVerified Compare Stats SeeStatistics Publish Summary Succeeded',
  );
});

test('the queries that Athena gets are those of queries.ts', () => {
  const { suffix, source } = SNAPSHOT;
  expect(queryOf(states.Subset)).toBe(oneLine(subsetQuery(`subset_${suffix}`, source.table, 64)));
  expect(queryOf(states.Count)).toBe(oneLine(countQuery(source.table, `subset_${suffix}`)));
  expect(queryOf(states.Verify)).toBe(oneLine(verifyQuery(suffix)));
  for (const result of RESULTS) {
    const input = { ...SNAPSHOT, result };
    const entry = evaluate(unload.Unload?.ResultSelector?.['entry.$']);
    expect(entry).toMatch(/^[0-9a-f]{32}$/);
    const location = `s3://${PROPS.bucket}/summary/2025-11-01/${result.name}/${entry}/`;
    expect(queryOf(unload.Unload, input)).toBe(oneLine(resultQuery(result, `annotated_${suffix}`, location)));
    const table = unload.CatalogResult?.Parameters?.TableInput as { StorageDescriptor: Record<string, unknown> };
    const cataloged = table.StorageDescriptor['Location.$'];
    expect(evaluate(cataloged, { ...input, unloaded: { entry } })).toBe(location);
  }
});

test('what is annotated lies in a folder of its number of files', () => {
  const locations = [64, 32].map((chunks) => {
    const { TableInput } = definition({ ...PROPS, chunks }).States.CatalogAnnotated?.Parameters ?? {};
    return evaluate((TableInput as { StorageDescriptor: Record<string, unknown> }).StorageDescriptor['Location.$']);
  });
  expect(locations).toEqual([64, 32].map((chunks) => `s3://${PROPS.bucket}/annotated/2025-11-01/${chunks}/`));
});

test("a query's token is Athena's length, and differs between results of one moment", () => {
  const token = unload.Unload?.Parameters?.['ClientRequestToken.$'];
  const tokens = RESULTS.map((result) => evaluate(token, { ...SNAPSHOT, result }));
  expect(new Set(tokens).size).toBe(9);
  for (const each of tokens) expect(each).toMatch(/^[0-9a-f]{64}$/);
});

test('the time of a crawl is compared in whole seconds, as Glue tells it', () => {
  expect(evaluate(states.Point?.ResultSelector?.['since.$'])).toBe('2025-11-02T03:04:05Z');
});

test("an ingest's execution has one name for each entry of the state", () => {
  const name = String(evaluate(states.Ingest?.Parameters?.['Name.$']));
  expect(name).toMatch(/^bison-2025-11-01-[0-9a-f]{32}$/);
  expect(name.length).toBeLessThanOrEqual(80);
});

test("GBIF's download is looked at for a day, the crawl for an hour", () => {
  const look = states.AwaitDownload?.Retry?.[0];
  expect((look?.IntervalSeconds ?? 0) * (look?.MaxAttempts ?? 0)).toBe(86_400);
  const late = states.Crawled?.Choices?.at(-1);
  expect(Number(late?.NumericGreaterThanEquals) * (states.AwaitCrawl?.Seconds ?? 0)).toBe(3600);
});

test('only throttling and faults of a service are retried; no error is caught but that of a call made twice', () => {
  const all = { ...states, ...unload };
  for (const [name, { Type, Retry = [], Catch = [] }] of Object.entries(all)) {
    if (Type === 'Task') expect([name, Retry.length > 0]).toEqual([name, true]);
    for (const { ErrorEquals } of [...Retry, ...Catch]) {
      for (const error of ErrorEquals) expect([name, error]).not.toContain('States.ALL');
      expect([name, ...ErrorEquals]).not.toContain('States.TaskFailed');
    }
    for (const { ErrorEquals } of Catch)
      expect(ErrorEquals.join()).toMatch(/^Glue\.(AlreadyExists|CrawlerRunning)Exception$/);
  }
});
