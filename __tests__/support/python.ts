import { spawnSync } from 'node:child_process';

/**
 * The Python that has most of some modules: of BISON_PYTHON, the PATH's and Debian's own, whose packages the PATH's need
 * not have.
 */
export function pythonWith(modules: readonly string[]) {
  const program = `import importlib.util as util; print(*(each for each in ${JSON.stringify(modules)} if util.find_spec(each)))`;
  const pythons = [process.env.BISON_PYTHON ?? '', 'python3', '/usr/bin/python3'].filter(Boolean);
  const [best] = pythons
    .map((python) => {
      const { stdout } = spawnSync(python, ['-c', program], { encoding: 'utf8' });
      const present = stdout?.split(/\s+/).filter(Boolean) ?? [];
      return { python, present, missing: modules.filter((each) => !present.includes(each)) };
    })
    .sort((one, other) => one.missing.length - other.missing.length);
  if (!best) throw new Error('There is no Python to ask.');
  const reason =
    best.missing.length === 0
      ? ''
      : `${best.missing.join(' and ')} not in ${pythons.join(', ')}: install Debian's python3-gdal and pip's pyarrow, or name a Python that has both in BISON_PYTHON`;
  return { ...best, reason };
}
