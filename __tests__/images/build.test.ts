import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describeWith } from '../support/tools';

describeWith(['python3'], 'the build of the images', () => {
  test('passes its own tests, in Python with stand-ins of docker and aws', () => {
    const { status, stderr } = spawnSync('python3', ['-B', path.join(__dirname, 'build_test.py')], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });

    expect(stderr).toMatch(/\nRan (\d\d) tests/);
    expect([status, stderr.match(/^(FAIL|ERROR): .*/gm)]).toEqual([0, null]);
  });
});
