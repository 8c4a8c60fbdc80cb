import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { JOBS, jobEnvironment } from '../../constructs/bison/jobs';
import { annotatedRiisKey, DEFAULT_REGIONS } from '../../constructs/bison/names';
import { ADDED_COLUMNS, ASSESSMENTS, RESULTS, SUBSET_COLUMNS } from '../../constructs/bison/queries';
import { describeWith } from '../support/tools';

const IMAGE = path.join(__dirname, '../../images/bison');

/** What the image has and Python has not: GDAL's module, and pyarrow. */
const LIBRARIES = ['osgeo', 'pyarrow'];

const SPEC = `import importlib.util as util; print(*(each for each in ${JSON.stringify(LIBRARIES)} if util.find_spec(each)))`;

/** Debian's module of GDAL is its own Python's, which need not be the first on the PATH. */
const PYTHONS = [process.env.BISON_PYTHON ?? '', 'python3', '/usr/bin/python3'].filter(Boolean).map((python) => ({
  python,
  libraries: spawnSync(python, ['-c', SPEC], { encoding: 'utf8' }).stdout?.split(/\s+/).filter(Boolean) ?? [],
}));

function run(python: string, file: string) {
  const { status, stderr } = spawnSync(python, ['-B', path.join(__dirname, file)], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return { stderr, outcome: [status, stderr.match(/^(FAIL|ERROR): .*/gm)] };
}

describeWith(['python3'], "BISON's jobs", () => {
  test('pass the tests of their logic, with what Python has', () => {
    const { stderr, outcome } = run('python3', 'bison_test.py');

    expect(stderr).toMatch(/\nRan (\d\d) tests/);
    expect(outcome).toEqual([0, null]);
  });

  /** What a Python expression is, with the programs as modules. */
  const evaluate = (expression: string): unknown => {
    const program = `import json, annotate, annotate_riis, calc_stats, job; print(json.dumps(${expression}))`;
    const { stdout, stderr } = spawnSync('python3', ['-B', '-c', program], { cwd: IMAGE, encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  };
  const named = (columns: readonly { readonly Name: string }[]) => columns.map(({ Name }) => Name);

  test.each(Object.entries(JOBS))('take the options of the job definition %s', (name, { command }) => {
    const [python, program, ...options] = command;
    const { stdout, status } = spawnSync('python3', ['-B', path.join(IMAGE, path.basename(program)), '--help'], {
      encoding: 'utf8',
    });

    expect([python, program, status]).toEqual(['python3', `/opt/bison/${name}.py`, 0]);
    const taken = stdout.match(/--[a-z][a-z-]+(?= [A-Z_]+(?:\s|$))/g);
    expect(options.filter((word) => word.startsWith('--') && !taken?.includes(word))).toEqual([]);
  });

  test('read and write what the workflow and its queries expect', () => {
    const subset = named(SUBSET_COLUMNS);
    const list = RESULTS.find(({ name }) => name === evaluate('calc_stats.LIST'));

    expect(evaluate('annotate.ADDED')).toEqual(named(ADDED_COLUMNS));
    expect(subset).toEqual(expect.arrayContaining(evaluate('annotate.READ') as string[]));
    expect(evaluate('[*annotate_riis.WORDS, annotate_riis.PRESUMED_NATIVE]')).toEqual(ASSESSMENTS);
    expect(named(list?.columns ?? [])).toEqual(expect.arrayContaining(evaluate('calc_stats.COLUMNS') as string[]));
  });

  test('find their files by the variables of the job definitions', () => {
    const place = `job.Place(${JSON.stringify(jobEnvironment('bucket', DEFAULT_REGIONS, 'us-east-1'))})`;

    expect(evaluate(`${place}.annotated_riis("2025-11-01")`)).toBe(`s3://bucket/${annotatedRiisKey('2025-11-01')}`);
    expect(evaluate(`${place}.regions`)).toEqual(
      Object.fromEntries(Object.entries(DEFAULT_REGIONS).map(([kind, { key, layer }]) => [kind, [key, layer]])),
    );
  });

  const best = PYTHONS.reduce((one, other) => (other.libraries.length > one.libraries.length ? other : one));
  const missing = LIBRARIES.filter((each) => !best.libraries.includes(each));
  const reason = `${missing.join(' and ')} not in ${PYTHONS.map(({ python }) => python).join(', ')}: install Debian's python3-gdal and pip's pyarrow, or name a Python that has both in BISON_PYTHON`;
  if (missing.length > 0) {
    // Jest prints the names of skipped tests only if a suite runs alone.
    process.stderr.write(`BISON's jobs: tests with GDAL and pyarrow are left out, ${reason}.\n`);
    test.skip(`pass all tests with GDAL and pyarrow: ${reason}`, () => {});
  }
  if (best.libraries.length > 0) {
    test(`pass the tests with ${best.libraries.join(' and ')}`, () => {
      const { stderr, outcome } = run(best.python, 'bison_libraries_test.py');

      expect(stderr).toMatch(/\nRan (\d\d) tests/);
      expect(outcome).toEqual([0, null]);
    });
  }
});
