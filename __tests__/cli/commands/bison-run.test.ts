import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { causeOf } from '../../../cli/bison-cause';
import { PRODUCT } from '../../../files/product';
import { COMMAND, inNewFolders } from '../../support/cli';

const EXAMPLE = join(PRODUCT, 'local/examples/bison');
const INGEST = join(PRODUCT, 'executions/examples/gbif-download.json');
const BUCKET = 'bison-123456789012-us-east-1';

const folders = inNewFolders();

/** A copy of the example, changed. @returns its run file */
function example(change: Record<string, unknown> = {}): string {
  for (const each of ['gbif', 'input']) cpSync(join(EXAMPLE, each), folders.path(each), { recursive: true });
  copyFileSync(INGEST, folders.path('ingest.json'));
  const run = JSON.parse(readFileSync(join(EXAMPLE, 'run.json'), 'utf8'));
  return folders.file('run.json', { ...run, gbif: 'gbif', inputs: 'input', ingest: 'ingest.json', ...change });
}

test('runs the month of the example, and says what was counted and what it costs', () => {
  const { status, stdout, stderr } = folders.datastream('bison', 'run', '--local', join(EXAMPLE, 'run.json'));

  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^ {2}00:00 {2}Request\n {2}00:00 {2}Riis\n {2}00:\d\d {2}AwaitDownload\n {2}03:\d\d {2}Ingest\n/,
  );
  expect(stdout).toContain('month of 2025-11-01: SUCCEEDED after 04:43 hours\n');
  expect(stdout).toContain('rows     1,500 of GBIF, 1,123 in the subset, 1,123 annotated\n');
  expect(stdout).toContain('orchestration  108 transitions and the functions');
  const [, transitions, dollars] = /orchestration +(\d+) transitions and the functions +\$([\d.]+)/.exec(stdout) ?? [];
  expect(readFileSync(join(PRODUCT, 'docs/bison.md'), 'utf8')).toContain(
    `takes ${transitions} state transitions; its orchestration costs $${Number(dollars).toFixed(3)}`,
  );
  const buckets = folders.path(`.datastream/bison/buckets/${BUCKET}`);
  expect(existsSync(join(buckets, 'summary/2025-11-01/manifest.json'))).toBe(true);
  expect(readFileSync(join(buckets, 'output/2025-11-01/county_counts.csv'), 'utf8')).toMatch(
    /^state_county,occ_count,species_count\n/,
  );
  expect(folders.scratchFolders()).toEqual([]);
});

test('runs a command in place of a job, and tells what it says when it fails', () => {
  const image = 'annotate=echo "no memory" >&2; exit 3';
  const { status, stdout, stderr } = folders.datastream('bison', 'run', '--local', '--image', image, example());

  expect(status).toBe(1);
  expect(stdout).toContain('FAILED after');
  expect(stderr).toContain('annotate: exit code 3: no memory\n');
  expect(stderr).toContain('States.TaskFailed: the job annotate failed: Array Child Job failed\n');
  expect(existsSync(folders.path(`.datastream/bison/buckets/${BUCKET}/summary/2025-11-01/manifest.json`))).toBe(false);
});

test("gives a job's command the variables of its job definition", () => {
  const image =
    'annotate_riis=aws s3 ls "s3://$BISON_BUCKET/$BISON_RIIS"; echo "$BISON_REGIONS $AWS_DEFAULT_REGION" >&2; exit 3';
  const { status, stderr } = folders.datastream('bison', 'run', '--local', '--image', image, example());

  expect(status).toBe(1);
  expect(stderr.replaceAll(/\s+/g, ' ')).toContain(
    'annotate_riis: exit code 3: {"county":{"key":"input/county.gpkg","layer":"county"},"aiannh":{"key":"input/aiannh.gpkg","layer":"aiannh"}} us-east-1',
  );
});

test('has its folder alone; ends with 130 after Ctrl-C, and leaves nothing behind', async () => {
  const { child, ended, until } = folders.inBackground(['bison', 'run', '--local', example()]);
  await until('AwaitDownload');
  const second = folders.datastream('bison', 'run', '--local', 'run.json');
  child.kill('SIGINT');
  const { status, stderr } = await ended;

  expect([second.status, second.stdout]).toEqual([2, '']);
  expect(second.stderr).toMatch(/^Another month runs in .datastream\/bison, as process \d+: wait for its end,/);
  expect(status).toBe(130);
  expect(stderr).toMatch(/^Stopped in \w+: nothing was published\.\n$/);
  expect(folders.scratchFolders()).toEqual([]);
  expect(existsSync(folders.path(`.datastream/bison/buckets/${BUCKET}/summary/2025-11-01/manifest.json`))).toBe(false);
});

describe('starts nothing', () => {
  const refused = (change: Record<string, unknown>, prepare = () => {}) => {
    const run = example(change);
    prepare();
    const { status, stdout, stderr } = folders.datastream('bison', 'run', '--local', run);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/\nNothing was started\.\n$/);
    return stderr;
  };

  test('with a run file that has problems, all of which are told', () => {
    expect(refused({ snapshot: '2025-11-15', chunks: 1, more: true })).toBe(
      'run.json: snapshot is "2025-11-15": write the first day of a month, such as 2025-11-01.\n' +
        'run.json: chunks is 1: write a number of at least 2.\n' +
        'run.json: the input has more, which it does not know: leave it out.\n' +
        'Nothing was started.\n',
    );
  });

  test('with a region file that lacks its layer, a list that lacks a column, and a download of another name', () => {
    const told = refused({}, () => {
      copyFileSync(folders.path('input/aiannh.gpkg'), folders.path('input/county.gpkg'));
      writeFileSync(folders.path('input/USRIISv2_MasterList.csv'), 'locality,scientificName\nL48,Puma concolor\n');
      writeFileSync(folders.path('gbif/latest.zip'), '');
    });

    expect(told).toContain("input/county.gpkg has no layer 'county': it has aiannh.\n");
    expect(told).toContain('has no column kingdom, degreeOfEstablishment, occurrenceID: ');
    expect(told).toContain(
      "gbif/latest.zip is not named after a key of GBIF's, such as 0004219-251025141854904.zip.\n",
    );
  });

  test('with an execution file that has an error', () => {
    const told = refused({}, () => {
      const file = JSON.parse(readFileSync(INGEST, 'utf8'));
      writeFileSync(folders.path('ingest.json'), JSON.stringify({ ...file, run_options: { timeout_s: 5 } }));
    });

    expect(told).toContain('timeout_s');
  });

  test('with an ingest whose object is not where the crawler looks', () => {
    const told = refused({}, () => {
      const file = JSON.parse(readFileSync(INGEST, 'utf8'));
      file.run_options.ii_check_s3.prefix = 'elsewhere/occurrence.txt';
      writeFileSync(folders.path('ingest.json'), JSON.stringify(file));
    });

    expect(told).toContain('checks the object elsewhere/occurrence.txt: write ii_check_s3 with the key rawdata/KEY/');
  });

  test('without its folders', () => {
    const told = refused({ gbif: 'none', inputs: 'none' });

    expect(told).toMatch(/There is no folder .*none: write another "gbif"\.\n/);
    expect(told).toMatch(/none\/USRIISv2_MasterList\.csv is missing: put it there\.\n/);
  });
});

test.each([
  [['run.json'], "This command runs a month on the embedded cloud: say 'datastream bison run --local run.json'."],
  [['--local', 'none.json'], 'none.json'],
  [['--local', '--image', 'anotate=x', 'run.json'], '--image anotate=x names no job of BISON: write annotate=COMMAND.'],
])('exits 2 with %j', (args, message) => {
  example();
  const { status, stderr } = folders.datastream('bison', 'run', ...args);

  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test('says where DuckDB is missing that npm ci installs it', () => {
  const run = example();
  writeFileSync(
    folders.path('hide.cjs'),
    "const { _resolveFilename: real } = require('node:module');\n" +
      "require('node:module')._resolveFilename = function (name, ...rest) {\n" +
      "  if (name === '@duckdb/node-api') throw Object.assign(new Error('hidden'), { code: 'MODULE_NOT_FOUND' });\n" +
      '  return real.call(this, name, ...rest);\n};\n',
  );
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--require', folders.path('hide.cjs'), COMMAND, 'bison', 'run', '--local', run],
    { cwd: folders.path(), env: folders.env(), encoding: 'utf8' },
  );

  expect([status, stderr]).toEqual([2, expect.stringContaining("which is not installed: say 'npm ci'")]);
});

test.each([
  ['{"errorType":"SchemaChanged","errorMessage":"year is missing"}', 'year is missing'],
  [
    '{"QueryExecution":{"Status":{"StateChangeReason":"Bytes scanned limit was exceeded"}}}',
    'the query ended: Bytes scanned limit was exceeded',
  ],
  ['{"JobName":"annotate","StatusReason":"Array Child Job failed"}', 'the job annotate failed: Array Child Job failed'],
  ['{"Error":"ObjectStale","Cause":"old"}', 'ObjectStale: old'],
  ['plain words', 'plain words'],
])('the Cause %s reads: %s', (cause, words) => {
  expect(causeOf(cause)).toBe(words);
});
