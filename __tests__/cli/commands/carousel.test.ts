import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  carouselCancel,
  carouselCost,
  carouselLoad,
  carouselStart,
  carouselStatus,
  carouselSubmit,
} from '../../../cli/commands/carousel';
import { deploymentOf } from '../../../lambdas/carousel/deployment';
import { ARCHIVE, type EmbeddedCarousel, WORK_QUEUE } from '../../../local/carousel';
import { testCarousel } from '../../support/carousel';
import { inNewFolders } from '../../support/cli';
import { documentIn } from '../../support/output-schema';

const folder = mkdtempSync(join(tmpdir(), 'carousel-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

function streams() {
  const told = { out: '', err: '' };
  const out = { write: (text: string) => (told.out += text) };
  const err = { write: (text: string) => (told.err += text) };
  return { told, out, err };
}

/** A Carousel, and its commands with what they print. */
async function commands(files: number, options = {}) {
  const carousel = await testCarousel(files, options);
  const clients = carousel.cloud.clients();
  const call = async (act: (c: ReturnType<EmbeddedCarousel['clients']>, out: never, err: never) => Promise<number>) => {
    const { told, out, err } = streams();
    const code = await carousel.run(act(clients, out as never, err as never));
    return { code, ...told };
  };
  return { ...carousel, call };
}

const REQUEST = { username: 'ana', query: "MISR_Path = '1'", job: { definition: 'Radiance' } };

test('from an empty table to the addresses of the objects', async () => {
  const { cloud, run, call, keys, files } = await commands(6);
  for (const key of keys) await run(files.update({ FilePath: key }, { MISR_Path: undefined }));

  const loaded = await call((clients, out, err) => carouselLoad({}, clients, out, err));
  expect(loaded).toEqual({ code: 0, out: '6 files in BasicFusionFiles, 6 of them archived\n', err: '' });

  const path = file('request.json', REQUEST);
  const cost = await call((clients, out, err) => carouselCost([path, path], {}, clients, out, err));
  expect(cost.code).toBe(0);
  expect(cost.out).toContain('restores and copies  2 files, 62.0 GB, Bulk, 3 days');
  expect(cost.out).toMatch(
    /Not in it: jobs .* run again, for \$0\.40 more at worst; copies .* for \$0\.19 more at worst/,
  );
  expect(cost.out).toMatch(/List prices: S3 of us-east-1 of 2026-11-28, instances of us-east-1 of \d{4}-\d\d-\d\d\./);
  expect(cost.out).toContain('The requests share files: 4 restores alone, 2 together.');

  const submitted = await call((clients, out, err) => carouselSubmit([path], clients, out, err));
  expect(submitted.out).toMatch(/^request [0-9a-f]{12}: 2 files of .*request\.json\. It waits for the next turn\.\n$/);
  const id = submitted.out.split(/[ :]/)[1] ?? '';

  const waiting = await call((clients, out, err) => carouselStatus(undefined, clients, out, err));
  expect(waiting.out).toMatch(/^no turn runs\nwaiting: 1 request\n/);
  expect(waiting.out).toContain(id);

  const started = await call((clients, out, err) => carouselStart({ budget: 40 }, clients, out, err));
  expect(started.out).toMatch(/^turn turn-20261128-\d{6}: started as arn:aws:states:/);
  const turn = started.out.split(/[ :]/)[1] ?? '';
  await run(cloud.clock.sleep(60_000));
  const running = await call((clients, out, err) => carouselStatus(turn, clients, out, err));
  expect(running.out).toContain(`turn ${turn}: RUNNING, Bulk, estimated $`);
  expect(running.out).toContain('files  2 requested');
  await run(cloud.clock.sleep(24 * 3_600_000));

  const ended = await call((clients, out, err) => carouselStatus(id, clients, out, err));
  expect(ended.code).toBe(0);
  expect(ended.out).toContain(`request ${id} of ana: DONE`);
  expect(ended.out.match(/s3:\/\/outputs\/output\/Radiance\/\S+\.npz/g)).toHaveLength(2);
});

test('status tells why a turn was refused, and that there is none of an ID', async () => {
  const { cloud, call, run } = await commands(2);
  const job = { definition: 'Radiance' };
  const input = file('dear.json', { requests: { bucket: ARCHIVE, prefix: '' }, job, budget_dollars: 0.01 });
  const started = await call((c, out, err) => carouselStart({ input }, c, out, err));
  const turn = started.out.split(/[ :]/)[1] ?? '';
  await run(cloud.clock.sleep(3_600_000));

  const refused = await call((c, out, err) => carouselStatus(turn, c, out, err));
  expect(refused.code).toBe(1);
  expect(refused.out).toMatch(
    /^turn \S+: FAILED, not planned\n {2}BudgetExceeded: 2 files and their jobs are estimated at/,
  );
  expect(await call((c, out, err) => carouselStatus('none', c, out, err))).toEqual({
    code: 2,
    out: '',
    err: "There is no turn and no request 'none': write an ID that 'datastream carousel status' prints.\n",
  });
});

test('status tells what a turn left waiting for lack of budget', async () => {
  const { call, keys, request, turn } = await commands(2);
  await request(keys);
  await turn({ requests: 'waiting', budget_dollars: 0.01 }, 'turn-1');

  const { code, out } = await call((c, o, e) => carouselStatus('turn-1', c, o, e));
  expect(code).toBe(0);
  expect(out).toContain('1 request with 2 files and 2 jobs still waits: the budget of $0.01 has no room for');
});

test('cost asks for nothing but the list of the archive', async () => {
  const { cloud, call } = await commands(3);
  const before = ['GetItem', 'Query', 'Scan', 'HeadObject', 'GetObject'].map((each) => cloud.calls(each));
  const path = file('request.json', REQUEST);
  const { code, out } = await call((clients, out, err) =>
    carouselCost([path], { json: true, tier: 'Standard', days: 5 }, clients, out, err),
  );

  expect(code).toBe(0);
  expect(documentIn('carousel cost', out)).toMatchObject({
    tier: 'Standard',
    days: 5,
    files: 1,
    to_restore: 1,
    jobs: 1,
    prices_of: '2026-11-28',
  });
  expect(['GetItem', 'Query', 'Scan', 'HeadObject', 'GetObject'].map((each) => cloud.calls(each))).toEqual(before);
});

test('load sends what has no index to the indexer once, and compares with HSDS', async () => {
  const { cloud, call, keys } = await commands(3, { hsds: true });
  const asked: string[] = [];
  const hsds = (async (url: string) => {
    asked.push(decodeURIComponent(url));
    return {
      ok: true,
      status: 200,
      json: async () => ({ domains: url.includes('P1') ? [{ name: `/home/admin/terra/${keys[0]}` }] : [] }),
    };
  }) as never;
  const first = await call((clients, out, err) => carouselLoad({ prefix: 'P' }, clients, out, err, hsds));
  await call((clients, out, err) => carouselLoad({}, clients, out, err, hsds));

  expect(first.out).toContain('3 files sent to be indexed\nHSDS lists 1 of 3 files\n  not yet  ');
  expect(asked[0]).toBe('http://hsds.local:5101/domains?domain=/home/admin/terra/P1/');
  expect(cloud.sqs.bodies(WORK_QUEUE)).toHaveLength(3);
  expect(JSON.parse(cloud.sqs.bodies(WORK_QUEUE)[0] ?? '')).toEqual({
    domain: '/home/admin/terra/',
    hsds_endpoint: 'http://hsds.local:5101',
    s3_input_file: `s3://${ARCHIVE}/${keys[0]}`,
  });

  const away = (async () => Promise.reject(new Error('fetch failed'))) as never;
  const { code, out } = await call((clients, out, err) => carouselLoad({}, clients, out, err, away));
  expect(code).toBe(0);
  expect(out).toContain('was not asked (fetch failed)');
});

test('cancel takes a request back, and stops a turn', async () => {
  const { cloud, call, run, keys, request, ledger } = await commands(2);
  const { request: id } = await request(keys);
  const other = await request(keys, { definition: 'Radiance' }, 'ben');

  expect((await call((c, out, err) => carouselCancel(id, {}, c, out, err))).out).toContain(`request ${id}: cancelled`);
  expect((await call((c, out, err) => carouselCancel(id, {}, c, out, err))).code).toBe(2);
  expect((await call((c, out, err) => carouselCancel(undefined, { turn: true }, c, out, err))).err).toBe(
    'No turn runs, so that there is nothing to stop.\n',
  );
  const turn = cloud.start({ requests: 'waiting' }, 'turn-1');
  await run(cloud.clock.sleep(3_600_000));
  expect((await call((c, out, err) => carouselCancel(undefined, { turn: true }, c, out, err))).out).toContain(
    'turn turn-1: stopped.',
  );
  await run(turn.ended);
  await run(cloud.clock.sleep(60_000));
  expect(turn.status).toBe('ABORTED');
  expect(await run(ledger.get({ pk: `request#${other.request}`, sk: 'request' }))).toMatchObject({ state: 'WAITING' });
});

describe('bad input gets one message, and nothing is written', () => {
  test.each<[string, unknown, string]>([
    ['a file that is not JSON', 'no JSON', 'bad.json:1:1'],
    [
      'an unknown attribute',
      { ...REQUEST, query: "Yaer = '1'" },
      'query names the attribute Yaer, which no file has: write Year.',
    ],
    [
      'a file that the archive does not have',
      { ...REQUEST, query: undefined, files: ['none.h5'] },
      'files has none.h5, which the archive does not have',
    ],
    ['a query without files', { ...REQUEST, query: "Year = '1999'" }, "query selects no file: Year = '1999'."],
    [
      'an unknown definition',
      { ...REQUEST, job: { definition: 'Radianc' } },
      'which the deployment does not have: write Radiance.',
    ],
  ])('%s', async (_what, content, message) => {
    const { cloud, call } = await commands(2);
    const before = cloud.calls('PutItem') + cloud.calls('BatchWriteItem');
    const { code, err, out } = await call((c, o, e) => carouselSubmit([file('bad.json', content)], c, o, e));

    expect([code, out]).toEqual([typeof content === 'string' ? 2 : 1, '']);
    expect(err).toContain(message);
    expect(cloud.calls('PutItem') + cloud.calls('BatchWriteItem')).toBe(before);
  });

  test('of several files at once', async () => {
    const { call } = await commands(1);
    const first = file('first.json', { ...REQUEST, query: 'Yaer = 1' });
    const second = file('second.json', { ...REQUEST, job: { definition: 'Radiance', parameters: { yaer: '1' } } });
    const submitted = await call((c, o, e) => carouselSubmit([first, second], c, o, e));
    const priced = await call((c, o, e) => carouselCost([first, second], {}, c, o, e));

    expect(submitted.err).toMatch(/first\.json: query names .*\n.*second\.json: job\.parameters has yaer/);
    expect(priced).toEqual(submitted);
  });

  test.each<[unknown, string]>([
    [{ requests: 'all' }, 'requests is "all"'],
    [{ requests: 'waiting', budget_dollars: -1 }, 'budget_dollars is -1'],
    [{ requests: 'waiting', tier: 'Fast' }, 'tier is "Fast": write one of "Expedited", "Standard", "Bulk".'],
    [{ requests: 5 }, 'requests is 5: write "waiting" or an object in { }.'],
    [{ requests: { bucket: 'a' } }, 'requests.prefix is missing: write a string in quotes.'],
    [{ requests: 'waiting', days: 400 }, 'days is 400: write a number of at most 365.'],
  ])('start with %j', async (content, message) => {
    const { cloud, call } = await commands(1);
    const { code, err } = await call((c, o, e) => carouselStart({ input: file('turn.json', content) }, c, o, e));

    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(cloud.calls('StartExecution')).toBe(0);
  });

  test('a prefix without objects', async () => {
    const { call } = await commands(1);
    const { code, err } = await call((c, o, e) => carouselLoad({ prefix: 'X/' }, c, o, e));

    expect([code, err]).toEqual([1, 'No object is below s3://archive/X/: write another --prefix.\n']);
  });
});

describe('the command', () => {
  const { datastream, file: write, inBackground, path, scratchFolders } = inNewFolders();
  const EXAMPLE = join(__dirname, '../../../local/examples/carousel/turn.json');

  test('runs the example that ships', () => {
    const { status, stdout, stderr } = datastream('carousel', 'run', '--local', EXAMPLE);

    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/restored P22\/TERRA_BF_L1B_O85079/);
    expect(stdout).toMatch(/^turn-local: SUCCEEDED after 0d \d\d:\d\d$/m);
    expect(stdout).toContain('files   4 chosen, 4 verified, 0 failed');
    expect(stdout).toContain('jobs    6 succeeded, 0 failed, 0 returned');
    const report = '.datastream/carousel/buckets/outputs/turns/turn-local/report.json';
    expect(stdout).toContain(`  report  ${report}\n`);
    expect(JSON.parse(readFileSync(path(report), 'utf8'))).toMatchObject({ turn: 'turn-local', problems: [] });
    const jobs = stdout.match(/^.* ComputeRadience succeeded on .*$/gm) ?? [];
    expect(new Set(jobs.map((line) => line.replace(/^.*d \d\d:\d\d/, ''))).size).toBe(6);
    expect(jobs.filter((line) => line.endsWith(' for ana'))).toHaveLength(2);
    const outputs = stdout.match(/^ {2}\S+\.npz$/gm) ?? [];
    expect(outputs).toHaveLength(6);
  });

  test('runs the command that stands for an image, and tells its failure', () => {
    const { status, stderr, stdout } = datastream(
      ...['carousel', 'run', '--local', EXAMPLE, '--image', 'ComputeRadience=echo broken >&2; exit 3'],
    );

    expect(status).toBe(1);
    expect(stderr).toContain('ComputeRadience: exit code 3: broken');
    expect(stderr).toContain('TurnIncomplete: 6 of 6 jobs did not succeed');
    expect(stdout).toContain('jobs    0 succeeded, 6 failed, 0 returned');
    expect(stdout.match(/.*JobFailed.*/g)).toEqual([
      expect.stringMatching(/^ {2}P\S+\.h5 for (ana|ben) and 5 more: JobFailed: .*, exit code 3\.$/),
    ]);
  });

  test.each<[string, unknown, string]>([
    ['no archive', { jobs: {} }, 'archive is missing'],
    ['an unknown key', { archive: { bucket: 'abc', files: ['a'] }, jobs: {}, request: [] }, 'the input has request'],
    [
      'a budget of nothing',
      { archive: { bucket: 'abc', files: ['a'] }, jobs: {}, turn: { budget_dollars: 0 } },
      'turn.budget_dollars is 0',
    ],
    [
      'values that no shape allows',
      {
        archive: { bucket: 'abc', storage_class: 'ICE', gb: 'x', files: [] },
        jobs: { A: { command: 'a', minutes: 0 } },
      },
      [
        'turn.json: archive.storage_class is "ICE": write one of "GLACIER", "DEEP_ARCHIVE", "STANDARD".',
        'turn.json: archive.gb is "x": write a number without quotes.',
        'turn.json: archive.files is []: write a list that is not empty.',
        'turn.json: jobs.A.command is "a": write a list in [ ].',
        'turn.json: jobs.A.minutes is 0: write a number above 0.\n',
      ].join('\n'),
    ],
    [
      'a key twice',
      { archive: { bucket: 'abc', files: ['a', 'b', 'a'] }, jobs: {} },
      'archive.files.2 is "a": the list has this key twice: leave one out.',
    ],
  ])('refuses a turn file with %s', (_what, content, message) => {
    const { status, stderr } = datastream('carousel', 'run', '--local', write('turn.json', content));

    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });

  test('says what waits for lack of budget', () => {
    const example = JSON.parse(readFileSync(EXAMPLE, 'utf8'));
    example.turn.budget_dollars = 0.01;
    const { status, stdout } = datastream('carousel', 'run', '--local', write('turn.json', example));

    expect(status).toBe(0);
    expect(stdout).toContain('files   0 chosen');
    expect(stdout).toMatch(
      /2 requests with 4 files and 6 jobs still wait: the budget of \$0\.01 has no room for them; the cheapest that waits needs \$\d+\.\d\d\./,
    );
  });

  test('refuses a second run in the folder while the first goes on, and none after it was killed', async () => {
    const example = JSON.parse(readFileSync(EXAMPLE, 'utf8'));
    example.jobs.ComputeRadience.stand_in = 'exec sleep 600';
    const { child, ended, until } = inBackground(['carousel', 'run', '--local', write('turn.json', example)]);
    await until('restored');
    const second = datastream('carousel', 'run', '--local', EXAMPLE);
    child.kill('SIGKILL');
    await ended;

    expect([second.status, second.stdout]).toEqual([2, '']);
    expect(second.stderr).toBe(
      `Another turn runs in .datastream/carousel, as process ${child.pid}: wait for its end, or name another --folder.\n`,
    );
    expect(datastream('carousel', 'run', '--local', EXAMPLE).status).toBe(0);
  });

  test('runs the files of a manifest, and leaves it where it is', () => {
    const example = JSON.parse(readFileSync(EXAMPLE, 'utf8'));
    const [key] = example.archive.files;
    example.requests = [];
    example.turn = { manifest: 's3://outputs/manifests/list.csv', job: { definition: 'ComputeRadience' } };
    const turn = write('turn.json', example);
    const without = datastream('carousel', 'run', '--local', turn);
    const place = '.datastream/carousel/buckets/outputs/manifests/list.csv';

    expect([without.status, without.stdout]).toEqual([1, '']);
    expect(without.stderr).toBe(
      `turn.json: turn.manifest is "s3://outputs/manifests/list.csv", which does not exist: write its lines of bucket,key into ${place}.\n`,
    );
    mkdirSync(path('.datastream/carousel/buckets/outputs/manifests'), { recursive: true });
    write(place, `terra-archive,${key}\n`);
    for (const _run of ['the first', 'the second']) {
      const { status, stdout } = datastream('carousel', 'run', '--local', turn);
      expect([status, stdout]).toEqual([0, expect.stringContaining('files   1 chosen, 1 verified, 0 failed')]);
    }
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('ends the turn and its jobs at %s, also twice', async (signal) => {
    const example = JSON.parse(readFileSync(EXAMPLE, 'utf8'));
    example.jobs.ComputeRadience.stand_in = 'sleep 600';
    const { child, ended, until } = inBackground(['carousel', 'run', '--local', write('turn.json', example)]);
    await until('restored');
    child.kill(signal);
    child.kill(signal);
    const { status, stdout, stderr } = await ended;

    expect([status, stderr]).toEqual([130, '']);
    expect(stdout).toMatch(/^turn-local: ABORTED after 0d \d\d:\d\d$/m);
    expect(scratchFolders()).toEqual([]);
  });

  test('tells what is wrong with every request of a turn file', () => {
    const example = JSON.parse(readFileSync(EXAMPLE, 'utf8'));
    example.requests[0].query = "MISR_Path = '99'";
    example.requests[1].job.definition = 'ComputeRadiance';
    // A right one is not told as accepted, since nothing runs.
    example.requests.push({ ...example.requests[1], job: { definition: 'ComputeRadience' } });
    const { status, stderr, stdout } = datastream('carousel', 'run', '--local', write('turn.json', example));

    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain("requests.0: query selects no file: MISR_Path = '99'.");
    expect(stderr).toContain('requests.1: job.definition is "ComputeRadiance"');
  });

  test('refuses an image of no definition, and a run without --local', () => {
    const image = datastream('carousel', 'run', '--local', EXAMPLE, '--image', 'ComputeRadiance=true');
    expect([image.status, image.stderr]).toEqual([
      1,
      '--image ComputeRadiance=true names no job definition of the file: write ComputeRadience=COMMAND.\n',
    ]);
    expect(datastream('carousel', 'run', EXAMPLE).status).toBe(2);
  });

  test('says which deployment it would need, and what is wrong with an option', () => {
    const { status, stderr } = datastream('carousel', 'status');

    expect(status).toBe(2);
    expect(stderr).toContain('no Carousel was deployed from this folder');
    expect(stderr).toContain('npx cdktf deploy carousel');
    expect(stderr).toContain('terraform output -raw carousel_deployment');
    expect(datastream('carousel', 'start', '--budget', '0').stderr).toContain(
      "'0' is no budget; write dollars above 0",
    );
    expect(path()).toBeTruthy();
  });
});

test('reads what Terraform writes of a deployment, whose numbers are texts', () => {
  const text = JSON.stringify({
    tables: { files: 'f', jobs: 'j' },
    archiveBucket: 'a',
    archivePrefix: '',
    outputBucket: 'o',
    queue: 'q',
    stateMachineArn: 'arn',
    region: 'us-east-1',
    jobs: {},
    defaults: {
      tier: 'Bulk',
      days: '3',
      budgetDollars: '50',
      concurrency: '50',
      maxWaitTurns: '12',
      turnTimeoutHours: '96',
    },
  });

  expect(deploymentOf(text).defaults).toMatchObject({ days: 3, budgetDollars: 50 });
});
