import type { ApiFault, Faults } from '../../local/service';
import { nth, play } from './bison';

/** What may go wrong with a call of the workflow, of its functions, or of the ingest. */
const KINDS = {
  throttled: { error: 'ThrottlingException' },
  refused: { error: 'AccessDeniedException', status: 403 },
  'error before': { error: 'InternalServerException', status: 500 },
  'error after': { error: 'SdkClientException', after: true },
  slow: { replyDelay: 60_000 },
  late: { replyDelay: 20 * 60_000 },
  'bad gateway': { http: { status: 502, body: '<html>Bad Gateway</html>' }, after: true },
  'empty 503': { http: { status: 503 } },
  'killed before': { error: 'InternalServerException', status: 500, kills: true },
  'killed after': { after: true, kills: true },
} as const satisfies Readonly<Record<string, ApiFault>>;

/** When the user stops the month: as a call begins, or between its effect and its reply. */
const STOPS = { 'stop before': 0, 'stop after': 200 } as const;

type Kind = keyof typeof KINDS;
type Effect = Kind | keyof typeof STOPS;

/** Lambda's names of these faults (AWS Step Functions Developer Guide, Handle errors of Lambda functions). */
const OF_LAMBDA: Readonly<Record<string, string>> = {
  ThrottlingException: 'Lambda.TooManyRequestsException',
  AccessDeniedException: 'Lambda.AWSLambdaException',
  InternalServerException: 'Lambda.ServiceException',
  SdkClientException: 'Lambda.SdkClientException',
};

/** Calls of the workflow's functions, which the SDK of JavaScript makes. Step Functions itself makes the others. */
const OF_FUNCTIONS = ['ListObjectsV2', 'ListExecutions', 'ListTagsForResource', 'GetSecretValue'];

/** What is of a function's call alone: Step Functions tells no answers of HTTP, and is not killed. */
const FUNCTIONS_ALONE: readonly string[] = ['bad gateway', 'empty 503', 'killed before', 'killed after'];

function effectsOf(operation: string): Effect[] {
  const kinds = [...Object.keys(KINDS), ...Object.keys(STOPS)] as Effect[];
  return kinds.filter((kind) => OF_FUNCTIONS.includes(operation) || !FUNCTIONS_ALONE.includes(kind));
}

function faultOf(operation: string, kind: Kind): ApiFault {
  const fault: ApiFault = KINDS[kind];
  const { error } = fault;
  if (error === undefined) return fault;
  if (operation === 'Invoke') return { ...fault, error: OF_LAMBDA[error] as string };
  const lost = OF_FUNCTIONS.includes(operation) && error === 'SdkClientException';
  return lost ? { ...fault, error: 'TimeoutError' } : fault;
}

/** A share of the matrix, such as `1/4`; `1/1` is all of it. Default: a part of each column. */
const [PART = 1, PARTS = 1] = (process.env.BISON_FAULTS ?? '1/37').split('/').map(Number);

/** Calls of the ingest's own machine have a matrix of their own (__tests__/faults/matrix.ts); here they are one call. */
const OWN = [
  ...['GetSecretValue', 'ListObjectsV2', 'ListExecutions', 'StartExecution', 'HeadObject', 'PutObject'],
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

const isStop = (effect: Effect): effect is keyof typeof STOPS => effect in STOPS;

function playCell(operation: string, n: number, effect: Effect) {
  if (isStop(effect)) return play({ stopAt: { operation, n, after: STOPS[effect] } });
  return play({ faults: nth(operation, n, faultOf(operation, effect)) });
}

test('every fault in every call of a month, and a stop at each, break no invariant; but for a refusal and a stop the month succeeds', async () => {
  const cells = (await callsOfHealthyMonth()).flatMap(([operation, n]) =>
    effectsOf(operation).map((effect) => ({ operation, n, effect })),
  );
  const found: string[] = [];
  let played = 0;
  for (const [index, { operation, n, effect }] of cells.entries()) {
    if (index % PARTS !== PART - 1) continue;
    played++;
    const { broken, status, error, cause } = await playCell(operation, n, effect);
    const tell = (what: string) => found.push(`${operation} ${n}, ${effect}: ${what}`);
    broken.forEach(tell);
    if (isStop(effect)) continue;
    // What is refused once may be asked again: Lambda tells Step Functions a refusal by the name of its other faults.
    if (status !== 'SUCCEEDED' && effect !== 'refused') tell(`${status} ${error} ${cause?.slice(0, 200)}`);
  }
  if (process.env.BISON_FAULTS)
    console.log(`${played} of ${cells.length} months played, ${found.length} faults found.`);

  expect(played).toBe(Math.ceil((cells.length - PART + 1) / PARTS));
  expect(found).toEqual([]);
});
