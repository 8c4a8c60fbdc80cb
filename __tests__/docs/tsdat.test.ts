import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { COMMAND, inNewFolders } from '../support/cli';
import { PIPELINES } from '../support/pipelines';
import { describeWith } from '../support/tools';
import { fillInTsdat } from '../support/tsdat-calls';

const ROOT = path.join(__dirname, '..', '..');
const page = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');
const PAGES = [
  'README.md',
  ...['', '-takeover', '-removal', '-first-deployment', '-differences'].map((each) => `docs/tsdat${each}.md`),
];
const EXAMPLE = 'local/examples/tsdat';
const commandsOf = (name: string) =>
  [...page(name).matchAll(/^ *```sh\n(.*?)^ *```$/gms)].flatMap(([, block = '']) =>
    block
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean),
  );

describe('the eighteen faults of aws-template', () => {
  const rows = [...page('docs/tsdat-differences.md').matchAll(/^\| (\d+) \|.*\| `([^`]+)`: `([^`]+)` \|$/gm)];

  test('are all there', () => {
    expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: 18 }, (_, at) => at + 1));
  });

  test.each(rows.map(([, number, file, name]) => [number, file, name] as const))(
    '%s is shown by %s: %s',
    (_, file = '', name = '') => {
      const text = readFileSync(path.join(ROOT, '__tests__', file), 'utf8').replace(/\\'/g, "'");

      expect(text).toContain(name);
    },
  );
});

test.each(PAGES)('%s links to pages that are there', (name) => {
  const links = [...page(name).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);

  expect(links.filter((link) => !existsSync(path.join(ROOT, path.dirname(name), link)))).toEqual([]);
});

describeWith(['python3'], "the pages' commands", () => {
  const { env, path: at } = inNewFolders();

  /** What the pages presuppose: both checkouts beside this one, a file of the instrument, and tsdat. */
  function prepare(): string {
    const files = {
      'aws-template/pipelines_config.yml': PIPELINES,
      'pipeline-template/requirements.txt': 'tsdat>=0.8\n',
      'here/data/lidar.20240830.sta': 'wind',
      ...Object.fromEntries(
        [
          'lidar/config/pipeline_humboldt.yaml',
          'lidar/config/pipeline_morro.yaml',
          'lidar_vap/config/pipeline.yaml',
        ].map((name) => [
          `pipeline-template/pipelines/${name}`,
          JSON.stringify({
            classname: name.startsWith('lidar_vap') ? 'tsdat.TransformationPipeline' : 'tsdat.IngestPipeline',
            datastream: 'humboldt.lidar.b1',
          }),
        ]),
      ),
    };
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(path.dirname(at(name)), { recursive: true });
      writeFileSync(at(name), content);
    }
    cpSync(path.join(ROOT, EXAMPLE), at(`here/${EXAMPLE}`), { recursive: true });
    return at('here');
  }

  const local = PAGES.flatMap(commandsOf).filter((line) =>
    /^npx datastream pipelines (validate|run)|status --local/.test(line),
  );

  test('work one after the other without AWS', () => {
    const cwd = prepare();
    const PYTHONPATH = path.join(ROOT, '__tests__/support/tsdat_stub');

    expect(local.length).toBeGreaterThanOrEqual(6);
    expect(local.filter((line) => line.includes(EXAMPLE))).toHaveLength(3);
    for (const line of local) {
      const args = line.split(' ').slice(2);
      const { status, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
        cwd,
        env: { ...env(), PYTHONPATH },
        encoding: 'utf8',
      });
      expect([line, status, status === 0 ? '' : stderr]).toEqual([line, 0, '']);
    }
    const buckets = at('here/.datastream/buckets');
    const dataset = 'river-lab-output/storage/root/data/morro.buoy.b1/morro.buoy.b1.20260309.000000.nc';
    expect(readFileSync(path.join(buckets, dataset), 'utf8')).toContain('2026-03-09 00:20:00,3.9');
  });

  test('show the example as it is', () => {
    const [, shown = ''] = /^ {3}```yaml\n(.*?)^ {3}```$/ms.exec(page('docs/tsdat.md')) ?? [];

    expect(shown.replace(/^ {3}/gm, '')).toBe(page(`${EXAMPLE}/pipelines_config.yml`));
  });
});

test('the permissions fit into managed policies with the longest prefix, and leave no placeholder', () => {
  const values = {
    ACCOUNT: '123456789012',
    REGION: 'us-gov-west-1',
    PREFIX: 'p'.repeat(53),
    INPUT: 'i'.repeat(63),
    OUTPUT: 'o'.repeat(63),
  };
  for (const name of ['tsdat-deployer-policy', 'tsdat-data-deployer-policy']) {
    const policy = fillInTsdat(name, values);
    const wide = policy.Statement.filter(({ Resource }) => [Resource].flat().includes('*')).flatMap(
      ({ Action }) => Action,
    );

    expect(JSON.stringify(policy).length).toBeLessThanOrEqual(6144);
    expect(JSON.stringify(policy)).not.toMatch(/ACCOUNT|REGION|PREFIX|INPUT|OUTPUT/);
    expect(policy.Statement.flatMap(({ Action }) => Action).filter((action) => /[*?]/.test(action))).toEqual([]);
    expect(wide.filter((action) => action !== 'logs:DescribeLogGroups')).toEqual([]);
  }
});
