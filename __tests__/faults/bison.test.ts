import type { ApiFault, Faults } from '../../local/service';
import { nth, play } from './bison';

/** What may go wrong with a call of the workflow, of its functions, or of the ingest. */
const KINDS: Readonly<Record<string, ApiFault>> = {
  throttling: { error: 'ThrottlingException' },
  'a fault of AWS': { error: 'InternalServerException', status: 500 },
  'a lost reply': { error: 'SdkClientException', after: true },
  'a reply after a minute': { replyDelay: 60_000 },
};

/** Lambda's names of these faults (AWS Step Functions Developer Guide, Handle errors of Lambda functions). */
const OF_LAMBDA: Readonly<Record<string, string>> = {
  ThrottlingException: 'Lambda.TooManyRequestsException',
  InternalServerException: 'Lambda.ServiceException',
  SdkClientException: 'Lambda.SdkClientException',
};

/** Calls of the workflow's functions: a lost reply has the name that the SDK of JavaScript gives it. */
const OF_FUNCTIONS = ['ListObjectsV2', 'GetSecretValue'];

function faultOf(operation: string, fault: ApiFault): ApiFault {
  const { error } = fault;
  if (error === undefined) return fault;
  if (operation === 'Invoke') return { ...fault, error: OF_LAMBDA[error] as string };
  const lost = OF_FUNCTIONS.includes(operation) && error === 'SdkClientException';
  return lost ? { ...fault, error: 'TimeoutError' } : fault;
}

/** A share of the matrix, such as `1/4`; `1/1` is all of it. Default: a thirteenth, of all kinds. */
const [PART = 1, PARTS = 1] = (process.env.BISON_FAULTS ?? '1/13').split('/').map(Number);

/** Calls of the ingest's own machine have a matrix of their own (__tests__/faults/matrix.ts); here they are one call. */
const OWN = [
  ...['GetSecretValue', 'ListObjectsV2', 'StartExecution', 'PutObject'],
  ...['UpdateCrawler', 'BatchDeleteTable', 'StartCrawler', 'GetCrawler', 'GetTable', 'CreateTable'],
  ...['StartQueryExecution', 'GetQueryResults', 'SubmitJob', 'Invoke'],
];

async function callsOfHealthyMonth(): Promise<(readonly [string, number])[]> {
  const counts = new Map<string, number>();
  const count: Faults = (name) => {
    if (OWN.includes(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
    return undefined;
  };
  const { status, broken } = await play({ faults: count });
  expect({ status, broken }).toEqual({ status: 'SUCCEEDED', broken: [] });
  expect([...counts.keys()].sort()).toEqual([...OWN].sort());
  return [...counts].flatMap(([operation, calls]) =>
    Array.from({ length: calls }, (_, index) => [operation, index + 1] as const),
  );
}

test('every call of a month with each fault breaks no invariant, and the month succeeds', async () => {
  const cells = (await callsOfHealthyMonth()).flatMap(([operation, n]) =>
    Object.entries(KINDS).map(([kind, fault]) => ({ operation, n, kind, fault })),
  );
  const found: string[] = [];
  let played = 0;
  for (const [index, { operation, n, kind, fault }] of cells.entries()) {
    if (index % PARTS !== PART - 1) continue;
    played++;
    const { broken, status, error, cause } = await play({ faults: nth(operation, n, faultOf(operation, fault)) });
    for (const each of broken) found.push(`${operation} ${n}, ${kind}: ${each}`);
    if (status !== 'SUCCEEDED') found.push(`${operation} ${n}, ${kind}: ${status} ${error} ${cause?.slice(0, 200)}`);
  }

  expect(played).toBeGreaterThan(PARTS > 20 ? 0 : 10);
  expect(found).toEqual([]);
});
