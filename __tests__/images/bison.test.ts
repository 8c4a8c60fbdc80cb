import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describeWith } from '../support/tools';

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
      expect(/skipped=\d+/.test(stderr)).toBe(missing.length > 0);
    });
  }
});
