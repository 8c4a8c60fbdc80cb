import type { KnownJobs } from '../../../lambdas/carousel/known-job';
import { parseRequest } from '../../../lambdas/carousel/request';

const SIZE = { vcpus: 1, timeoutSeconds: 3600, attempts: 3 };
const JOBS: KnownJobs = {
  ComputeRadience: {
    command: ['python', 'work_flow.py', 'Ref::year', 'Ref::month', 'Ref::s3_input_file'],
    parameters: { year: '2015', s3_input_file: 's3://sample/file.h5' },
    ...SIZE,
  },
  Mosaic: { command: ['mosaic', 'Ref::manifest', 'Ref::output'], parameters: {}, ...SIZE },
};
const GOOD = {
  username: 'ana',
  query: "Year = '2015'",
  job: { definition: 'ComputeRadience', parameters: { month: '12' } },
};

const problemsOf = (value: unknown) => {
  const read = parseRequest(value, JOBS);
  return 'problems' in read ? read.problems : [];
};

test('reads a request with a query, with files, and with one job for all files', () => {
  expect(parseRequest(GOOD, JOBS)).toEqual({
    request: {
      username: 'ana',
      job_description: '',
      query: "Year = '2015'",
      conditions: { Year: '2015' },
      job: { definition: 'ComputeRadience', parameters: { month: '12' }, run: 'file' },
    },
  });
  expect(
    parseRequest({ username: 'ana', files: ['b', 'a', 'b'], job: { definition: 'Mosaic', run: 'all' } }, JOBS),
  ).toEqual({
    request: {
      username: 'ana',
      job_description: '',
      files: ['a', 'b'],
      job: { definition: 'Mosaic', parameters: {}, run: 'all' },
    },
  });
});

test.each<[string, object, string[]]>([
  [
    'a definition that does not exist',
    { job: { definition: 'ComputeRadiance' } },
    ['job.definition is "ComputeRadiance", which the deployment does not have: write ComputeRadience.'],
  ],
  [
    'a Ref:: without a value',
    { job: { definition: 'ComputeRadience' } },
    ['Ref::month of ComputeRadience has no value: write job.parameters.month.'],
  ],
  [
    'a parameter that no Ref:: names',
    { job: { definition: 'ComputeRadience', parameters: { month: '1', yaer: '2' } } },
    ['job.parameters has yaer, which the command of ComputeRadience does not name: write year.'],
  ],
  [
    'a job for one file that gets a list',
    { job: { ...GOOD.job, run: 'all' } },
    ['ComputeRadience reads one file (Ref::s3_input_file), but job.run is "all": write "file".'],
  ],
  [
    'a job for a list that gets one file',
    { job: { definition: 'Mosaic' } },
    ['Mosaic reads a list of files (Ref::manifest), but job.run is "file": write "all".'],
  ],
  ['an unknown attribute', { query: "Yaer = '1'" }, ['query names the attribute Yaer, which no file has: write Year.']],
  ['both query and files', { files: ['a'] }, ['The request has both query and files, or neither: write one of them.']],
  ['neither', { query: undefined }, ['The request has both query and files, or neither: write one of them.']],
  ['no user', { username: '' }, ['username is ""']],
  ['an unknown key', { turn: 1 }, ['the input has turn, which it does not know: leave it out.']],
  [
    'several at once',
    { query: 'x', job: { definition: 'ComputeRadience', parameters: { a: 'b' } } },
    ['job.parameters has a', 'Ref::month', 'query has "x"'],
  ],
])('refuses %s', (_what, change, expected) => {
  const problems = problemsOf({ ...GOOD, ...change });

  expect(problems).toHaveLength(expected.length);
  for (const [index, part] of expected.entries()) expect(problems[index]).toContain(part);
});

test.each([null, 'text', [], 5])('refuses %j as a request', (value) => {
  expect(problemsOf(value).join()).toMatch(/^the input is /);
});
