import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { JOBS, jobEnvironment } from '../../constructs/bison/jobs';
import { annotatedRiisKey, DEFAULT_REGIONS } from '../../constructs/bison/names';
import { ADDED_COLUMNS, ASSESSMENTS, RESULTS, SUBSET_COLUMNS } from '../../constructs/bison/queries';
import { pythonWith } from '../support/python';
import { describeWith } from '../support/tools';

const IMAGE = path.join(__dirname, '../../images/bison');

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

  // What the image has and Python has not: GDAL's module, and pyarrow.
  const { python, present, missing, reason } = pythonWith(['osgeo', 'pyarrow']);
  if (missing.length > 0) {
    // Jest prints the names of skipped tests only if a suite runs alone.
    process.stderr.write(`BISON's jobs: tests with GDAL and pyarrow are left out, ${reason}.\n`);
    test.skip(`pass all tests with GDAL and pyarrow: ${reason}`, () => {});
  }
  if (present.length > 0) {
    test(`pass the tests with ${present.join(' and ')}`, () => {
      const { stderr, outcome } = run(python, 'bison_libraries_test.py');

      expect(stderr).toMatch(/\nRan (\d\d) tests/);
      expect(outcome).toEqual([0, null]);
    });
  }
});
