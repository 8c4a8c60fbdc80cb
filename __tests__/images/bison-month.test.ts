import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { JOBS } from '../../constructs/bison/jobs';
import { EXAMPLE, isPublished, playMonth, SNAPSHOT, testMonth } from '../support/bison';
import { pythonWith } from '../support/python';

const IMAGE = join(__dirname, '../../images/bison');

const { python, missing, reason } = pythonWith(['osgeo', 'pyarrow']);
if (missing.length > 0) process.stderr.write(`A month with the image's programs: left out, ${reason}.\n`);
const here = missing.length === 0 ? test : test.skip;

/** GBIF's species API, with the answers that ship with the synthetic month. */
const species = JSON.parse(readFileSync(join(EXAMPLE, 'gbif/species.json'), 'utf8')) as Record<string, unknown>;
const gbif = createServer((request, response) => {
  const name = new URL(request.url ?? '', 'http://gbif').searchParams.get('name') ?? '';
  response.end(JSON.stringify(species[name] ?? { matchType: 'NONE' }));
});
beforeAll(() => new Promise<void>((listening) => gbif.listen(0, '127.0.0.1', listening)));
afterAll(() => new Promise((closed) => gbif.close(closed)));

const ended = (child: ChildProcess) =>
  new Promise<{ code: number; stderr: string }>((resolve) => {
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    child.on('close', (code) => resolve({ code: code ?? -1, stderr }));
  });

/** Plays a month whose jobs are the image's programs, on the embedded bucket's folder. */
async function monthOfTheImage() {
  const said: string[] = [];
  const { month, clock } = testMonth({
    container: async ({ command, environment }, name) => {
      const root = dirname(month.cloud.s3.pathOf(month.bucket, 'x'));
      const words = command.slice(2).map((word) => word.replaceAll(`s3://${month.bucket}/`, `${root}/`));
      if (name === 'annotate_riis') {
        words.push('--species-url', `http://127.0.0.1:${(gbif.address() as AddressInfo).port}`);
      }
      const release = clock.hold();
      try {
        const { code, stderr } = await ended(
          spawn(python, ['-B', join(IMAGE, `${name}.py`), ...words], {
            stdio: ['ignore', 'ignore', 'pipe'],
            env: { PATH: process.env.PATH, ...environment, BISON_BUCKET: root },
          }),
        );
        said.push(`${name} ${code}${stderr && ` ${stderr}`}`);
        return { code };
      } finally {
        release();
      }
    },
  });
  const execution = month.start({}, 'month');
  await clock.run(execution.ended);
  return { month, execution, said };
}

type Month = Awaited<ReturnType<typeof playMonth>>['month'];

async function annotatedOf(month: Month) {
  const db = await month.database();
  const files = [0, 1, 2, 3].map((index) =>
    month.cloud.s3.pathOf(month.bucket, `annotated/${SNAPSHOT}/4/${index}.parquet`),
  );
  return db.query(`SELECT * FROM read_parquet(['${files.join("', '")}']) ORDER BY gbifid`);
}

here(`the image's programs annotate and count a month as their stand-ins do${reason && ` (${reason})`}`, async () => {
  const { month: standIns } = await playMonth();
  const { month, execution, said } = await monthOfTheImage();

  expect(said).toEqual(Object.keys(JOBS).flatMap((name) => Array(name === 'annotate' ? 4 : 1).fill(`${name} 0`)));
  expect([execution.status, execution.cause, isPublished(month)]).toEqual(['SUCCEEDED', undefined, true]);
  const rows = await annotatedOf(month);
  expect(rows.length).toBeGreaterThan(1_000);
  expect(rows).toEqual(await annotatedOf(standIns));
  const output = (of: Month, name: string) => of.cloud.s3.get(of.bucket, `output/${SNAPSHOT}/${name}.csv`);
  for (const region of ['county', 'state', 'aiannh']) {
    for (const result of ['counts', 'x_riis_counts', 'x_species_list']) {
      const name = `${region}_${result}`;
      expect([name, output(month, name)]).toEqual([name, output(standIns, name)]);
    }
  }
  for (const name of ['species_stats', 'county_stats']) expect(output(month, name)).toBe(output(standIns, name));
  const statistics = (of: Month) => JSON.parse(of.cloud.s3.get(of.bucket, `summary/${SNAPSHOT}/statistics.json`));
  expect(statistics(month)).toEqual(statistics(standIns));
});
