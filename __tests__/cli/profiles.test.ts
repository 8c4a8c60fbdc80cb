import { mkdirSync, writeFileSync } from 'node:fs';
import type { ReportRow } from '../../cli/output/report/figures';
import { fromFolder, stepsIn, withSteps } from '../../cli/profiles';
import { inNewFolders } from '../support/cli';

const { path } = inNewFolders();

/** As ngen-datastream's scripts write it. */
const PROFILE = `DATASTREAM_START: 20260818235900
GET_RESOURCES_START: 20260818235910
GET_RESOURCES_END: 20260818235940
NGEN_START: 20260818235940
NGEN_END: 20260819000940
MERKLE_START: 20260819000940
DATASTREAM_END: 20260819001000
`;

test.each([
  ['a whole one', PROFILE, { GET_RESOURCES: 30, NGEN: 600 }],
  ['one of Windows', 'A_START: 20260818000000\r\nA_END: 20260818000001\r\n', { A: 1 }],
  ['one that ends before it begins', 'A_START: 20260818000001\nA_END: 20260818000000\n', null],
  ['another text', '<Error>AccessDenied</Error>', null],
  ['nothing', '', null],
])('the steps of %s', (_, text, steps) => {
  expect(stepsIn(text)).toEqual(steps);
});

const row = (name: string, object: string | null, steps?: ReportRow['steps']): ReportRow => ({
  ...{ name, execution: name, executions: 1, day: '20260818', stream: 'a', line: 'b', cycle: '00', place: '01' },
  ...{ status: 'SUCCEEDED', error: null, attempts: 1, seconds: 1, lead_s: 1, dollars: 0, object },
  ...(steps !== undefined && { steps }),
});

test('each job is asked for once, beside its object, and has none where there is no profile', async () => {
  const asked: string[] = [];
  const read = async (bucket: string, key: string) => {
    asked.push(`${bucket} ${key}`);
    if (key.startsWith('v3/a/')) return PROFILE;
    throw new Error('AccessDenied');
  };
  const rows = [
    row('a', 's3://x/v3/a/merkdir.file'),
    row('b', 's3://x/b.txt'),
    row('c', null),
    row('d', 's3://x/d', null),
  ];

  const found = await withSteps(rows, read);

  expect(found.map(({ steps }) => steps)).toEqual([{ GET_RESOURCES: 30, NGEN: 600 }, null, undefined, null]);
  expect(asked).toEqual(['x v3/a/datastream-metadata/profile.txt', 'x datastream-metadata/profile.txt']);
  // An earlier report's rows are not asked for again.
  expect(await withSteps(found, () => Promise.reject(new Error('asked again')))).toEqual(found);
});

test("those of the embedded cloud are in its bucket's folder", async () => {
  mkdirSync(path('buckets/x/v3/datastream-metadata'), { recursive: true });
  writeFileSync(path('buckets/x/v3/datastream-metadata/profile.txt'), PROFILE);

  const [found] = await withSteps([row('a', 's3://x/v3/merkdir.file')], fromFolder(path()));

  expect(found?.steps).toEqual({ GET_RESOURCES: 30, NGEN: 600 });
});
