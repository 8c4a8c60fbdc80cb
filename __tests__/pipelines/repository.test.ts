import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parsePipelines } from '../../pipelines/parse';
import { checkRepository } from '../../pipelines/repository';
import { changed, PIPELINES } from '../support/pipelines';

let repo: string;
beforeEach(() => {
  repo = mkdtempSync(path.join(tmpdir(), 'datastream-repo-'));
  write('requirements.txt', 'tsdat>=0.8.2\n');
  for (const file of [
    'lidar/config/pipeline_humboldt.yaml',
    'lidar/config/pipeline_morro.yaml',
    'lidar_vap/config/pipeline.yaml',
  ]) {
    write(`pipelines/${file}`, 'classname: tsdat.IngestPipeline\n');
  }
});
afterEach(() => rmSync(repo, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(path.join(repo, path.dirname(file)), { recursive: true });
  writeFileSync(path.join(repo, file), text);
}

const problems = (text = PIPELINES) => checkRepository(parsePipelines(text), repo);

test('finds nothing in a repository that has every file', () => {
  expect(problems()).toEqual([]);
});

test('finds a missing folder, a missing file, and one of other letters, all at once', () => {
  const text = changed(
    ['- name: lidar_vap', '- name: lidar_vab'],
    ['pipeline_morro.yaml', 'pipeline_Morro.yaml'],
    ['pipeline_humboldt.yaml', 'gone.yaml'],
  );

  expect(problems(text).map(({ severity, path: at, found }) => [severity, at, found])).toEqual([
    ['error', '$.pipelines[0].configs.humboldt.config_file_path', '"pipelines/lidar/config/gone.yaml"'],
    ['error', '$.pipelines[0].configs.morro.config_file_path', '"pipelines/lidar/config/pipeline_Morro.yaml"'],
    ['error', '$.pipelines[1].name', '"lidar_vab"'],
  ]);
});

test("finds files that a pipeline's own file names and that are not there, each once", () => {
  const file = 'pipelines/lidar/config/pipeline_morro.yaml';
  write('shared/quality.yaml', 'managers: []\n');
  write(
    file,
    [
      'classname: tsdat.IngestPipeline',
      'retriever:',
      '  path: pipelines/lidar/config/retriever.yaml',
      'dataset:',
      '  path: ./shared/quality.yaml',
      'quality:',
      '  path: shared/Quality.yaml',
      'storage:',
      '  path: /var/task/shared/storage.yaml',
      'parameters:',
      '  path: gone.yaml',
      '',
    ].join('\n'),
  );

  expect(problems(changed(['pipeline_humboldt.yaml', 'pipeline_morro.yaml']))).toEqual([
    {
      severity: 'error',
      path: `${file}:3: retriever.path`,
      found: '"pipelines/lidar/config/retriever.yaml"',
      message: expect.stringContaining('The repository has no such file'),
    },
    expect.objectContaining({ path: `${file}:7: quality.path`, found: '"shared/Quality.yaml"' }),
  ]);
});

test.each([
  ['parts that stand in the file itself', 'retriever:\n  classname: a.Retriever\nstorage: {classname: b.Storage}\n'],
  ['what is no YAML', 'retriever: [\n'],
  ['no mapping', '- retriever\n'],
])("reports nothing of a pipeline's file with %s", (_, content) => {
  write('pipelines/lidar/config/pipeline_morro.yaml', content);

  expect(problems()).toEqual([]);
});

test.each([
  'tsdat==0.7.0',
  'tsdat == 0.6.2',
  'tsdat<0.7',
  'tsdat<=0.7.0',
  'tsdat~=0.6.2',
  'tsdat[dev]==0.2',
  'tsdat<0.7.1 # old',
  'tsdat==0.6.*',
])('refuses %s', (requirement) => {
  write('requirements.txt', `numpy\n${requirement}\n`);

  expect(problems()).toEqual([
    expect.objectContaining({
      severity: 'error',
      path: 'requirements.txt:2',
      message: 'The deployment needs tsdat 0.7.1 or later: write tsdat>=0.7.1.',
    }),
  ]);
});

test.each([
  'tsdat',
  'tsdat==0.7.1',
  'tsdat>=0.6',
  'tsdat<0.8',
  'tsdat<=0.7.1',
  'tsdat~=0.7.1',
  'tsdat~=0.7',
  'tsdat>=0.7.1,<1',
  'tsdat==0.7.*',
  'TSDAT[x]==0.10.0; python_version > "3.8"',
])('takes %s', (requirement) => {
  write('requirements.txt', `${requirement}\n`);

  expect(problems()).toEqual([]);
});

test('reads a requirement of environment.yml, and warns where there is none', () => {
  write('requirements.txt', '');
  expect(problems()).toEqual([expect.objectContaining({ severity: 'warning', path: 'requirements.txt' })]);

  write('environment.yml', 'dependencies:\n  - pip:\n      - tsdat=0.7.0\n');
  expect(problems()).toEqual([expect.objectContaining({ severity: 'error', path: 'environment.yml:3' })]);
});

test("names files with Windows' line ends", () => {
  write('shared/storage.yaml', 'a: 1\r\n');
  write('pipelines/lidar/run.sh', 'x\r\n');

  expect(problems()).toEqual([
    expect.objectContaining({
      severity: 'warning',
      path: 'pipelines/lidar/run.sh, shared/storage.yaml',
      message: expect.stringContaining('(CRLF)'),
    }),
  ]);
});

test('says that there is no such folder', () => {
  expect(checkRepository(parsePipelines(PIPELINES), path.join(repo, 'gone'), '../gone')).toEqual([
    {
      severity: 'error',
      path: '../gone',
      message: "There is no such folder: write the checkout of the pipelines' repository.",
    },
  ]);
});
