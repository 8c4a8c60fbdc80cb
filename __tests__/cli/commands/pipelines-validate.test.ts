import { inNewFolders } from '../../support/cli';
import { changed, PIPELINES } from '../../support/pipelines';

const { datastream, file } = inNewFolders();

test('says that a filled file is valid, and what it deploys', () => {
  file('pipelines_config.yml', PIPELINES);

  expect(datastream('pipelines', 'validate', 'pipelines_config.yml')).toEqual({
    status: 0,
    stdout: 'pipelines_config.yml: valid\n2 pipelines with 3 functions\n',
    stderr: '',
  });
});

test('prints every problem with line, path, what was found and what to write', () => {
  file('pipelines_config.yml', changed(['trigger: S3', 'trigger: s3'], ['buoy-input', 'your-input']));

  const { status, stdout } = datastream('pipelines', 'validate', 'pipelines_config.yml');

  expect(status).toBe(1);
  expect(stdout).toBe(
    [
      'pipelines_config.yml: 2 errors, 0 warnings',
      '  error    line 8: $.input_bucket_name',
      "           This is a placeholder: write the bucket's name.",
      '           found: "your-input"',
      '  error    line 17: $.pipelines[0].trigger',
      '           This is not known: write one of S3, Cron. Did you mean "S3"?',
      '           found: "s3"',
      '',
    ].join('\n'),
  );
});

test('compares with the repository', () => {
  file('pipelines_config.yml', PIPELINES);
  const { status, stdout } = datastream('pipelines', 'validate', 'pipelines_config.yml', '--repo', '.');

  expect(status).toBe(1);
  expect(stdout).toContain('line 21: $.pipelines[0].configs.humboldt.config_file_path');
  expect(stdout).toContain('The repository has no such file');
});

test('exits with 2 for a file that is not there, and for a branch that names cannot hold', () => {
  expect(datastream('pipelines', 'validate', 'gone.yml')).toMatchObject({
    status: 2,
    stdout: 'gone.yml: there is no such file: check the path.\n',
  });
  expect(datastream('pipelines', 'validate', 'x.yml', '--branch', 'a/b')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('write letters, digits, - and _'),
  });
});
