import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PIPELINES } from '../__tests__/support/pipelines';
import { RUNS, synthesise, time } from './deployment';
import type { Figure } from './report';
import { writeYardstick } from './yardstick';

const ROOT = resolve(__dirname, '..');
const run = promisify(execFile);

/** Measures the synthesis of a branch with its buckets, and a run on this computer with a stand-in of tsdat. */
export async function pipelinesFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-bench-'));
  const write = (name: string, content: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const figure = (name: string, times: Pick<Figure, 'value' | 'yardstick'>): Figure => ({
    section: `tsdat's pipelines, median of ${RUNS}`,
    name,
    ...times,
    unit: 's',
    measured: true,
  });
  try {
    const yardstick = writeYardstick(folder);
    const config = write('pipelines_config.yml', PIPELINES);
    const context = { systems: ['tsdat'], tsdat: { config, branches: ['main'] } };
    const synthesis = await time(yardstick, (index) => synthesise(join(folder, `cdktf.out.${index}`), context));
    for (const name of ['lidar/config/pipeline_humboldt', 'lidar/config/pipeline_morro', 'lidar_vap/config/pipeline']) {
      const pipeline = { classname: 'tsdat.IngestPipeline', datastream: 'humboldt.lidar.b1' };
      write(`repo/pipelines/${name}.yaml`, JSON.stringify(pipeline));
    }
    write('repo/requirements.txt', 'tsdat>=0.8\n');
    write('20260309.csv', 'wind');
    const args = 'pipelines run --local pipelines_config.yml --repo repo --to lidar/humboldt 20260309.csv'.split(' ');
    const env = { ...process.env, PYTHONPATH: join(ROOT, '__tests__/support/tsdat_stub') };
    const local = await time(yardstick, () =>
      run(process.execPath, [join(ROOT, 'cli/datastream.cjs'), ...args], { cwd: folder, env }),
    );
    return [
      figure('synthesis of a branch and its buckets', synthesis),
      figure('pipelines run --local, a stand-in of tsdat', local),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
