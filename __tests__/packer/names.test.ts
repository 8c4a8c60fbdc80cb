import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Faults } from '../../local/service';
import { findImages } from '../../packer/images';
import { findNames, namesInFiles, reasonsToKeep } from '../../packer/names';
import { withParameters } from '../support/executions';
import { ImageCloud } from '../support/images';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: unknown): void {
  writeFileSync(join(folder, name), typeof content === 'object' ? JSON.stringify(content) : String(content));
}

const A = 'ami-0aaaaaaaaaaaaaaaa';
const B = 'ami-0bbbbbbbbbbbbbbbb';

describe('the names in a folder', () => {
  test('are those of all its JSON files, in its folders too, wherever they stand', () => {
    mkdirSync(join(folder, 'team/deep'), { recursive: true });
    file('a.json', withParameters({ ImageId: A }));
    file('team/deep/b.json', { note: `was ${B}, now ${A}` });
    file('team/escaped.json', '{"ImageId": "\\u0061mi-0bbbbbbbbbbbbbbbb"}');
    file('team/twice.json', '{"ImageId": "ami-0cccccccccccccccc", "ImageId": "ami-###"}');
    file('team/p.json', withParameters({ ImageId: 'resolve:ssm:/datastream/ami:2' }));
    file('readme.md', B);

    const { images, parameters, unreadable } = namesInFiles(folder, 'executions');

    expect(Object.fromEntries(images)).toEqual({
      [A]: ['executions/a.json', 'executions/team/deep/b.json'],
      [B]: ['executions/team/deep/b.json', 'executions/team/escaped.json'],
      'ami-0cccccccccccccccc': ['executions/team/twice.json'],
    });
    expect(Object.fromEntries(parameters)).toEqual({ '/datastream/ami:2': ['executions/team/p.json'] });
    expect(unreadable).toEqual([]);
  });

  test('are found through symbolic links, and a circle of them ends', () => {
    mkdirSync(join(folder, 'one/two'), { recursive: true });
    file('one/a.json', { ImageId: A });
    symlinkSync('../..', join(folder, 'one/two/up'));
    const executions = join(folder, 'executions');
    mkdirSync(executions);
    symlinkSync('../one', join(executions, 'linked'));

    const { images, unreadable } = namesInFiles(executions, 'executions');

    expect([...images.keys()]).toEqual([A]);
    expect(unreadable).toEqual([]);
  });

  test('cannot be known of what cannot be read as JSON', () => {
    file('broken.json', `{"ImageId": "${A}",}`);
    file('utf16.json', '');
    writeFileSync(join(folder, 'utf16.json'), Buffer.from('\ufeff{}', 'utf16le'));
    symlinkSync('nowhere', join(folder, 'link.json'));

    expect(namesInFiles(folder, 'executions').unreadable).toEqual([
      expect.stringMatching(/^executions\/broken\.json:1:36: not JSON: /),
      'executions/link.json: there is no such file: check the path.',
      expect.stringMatching(/^executions\/utf16\.json: this is not UTF-8 text /),
    ]);
    expect(namesInFiles(join(folder, 'nowhere'), 'executions').unreadable).toEqual([
      'executions: it cannot be read (ENOENT).',
    ]);
  });
});

describe('what names an image', () => {
  const DENIED: Faults = (operation) =>
    operation === 'GetParameter' ? { error: 'AccessDeniedException', message: 'no' } : undefined;

  async function names(cloud: ImageCloud) {
    const { images } = await findImages(cloud.ec2);
    return findNames(cloud.ssm, images, namesInFiles(folder, 'executions'));
  }

  /** Two images that are published in one parameter, which names the newer one. */
  function published(faults?: Faults): ImageCloud {
    const cloud = new ImageCloud(faults);
    const Tags = [
      { Key: 'datastream:image', Value: 'datastream' },
      { Key: 'datastream:parameter', Value: '/datastream/ami' },
    ];
    cloud.add(A, '2026-01-01', { Tags });
    cloud.add(B, '2026-01-02', { Tags });
    cloud.parameters.set('/datastream/ami', B);
    return cloud;
  }

  test('is a file, or the SSM parameter of its tag', async () => {
    file('a.json', withParameters({ ImageId: A }));

    const { names: found, unknown, unread } = await names(published());

    expect(Object.fromEntries(found)).toEqual({
      [A]: ['executions/a.json'],
      [B]: ['SSM parameter /datastream/ami'],
    });
    expect([unknown.size, unread]).toEqual([0, []]);
  });

  test('is a file through an SSM parameter, be it of its tag or another', async () => {
    const cloud = published();
    cloud.parameters.set('/ours', A);
    file('a.json', withParameters({ ImageId: 'resolve:ssm:/ours' }));
    file('b.json', withParameters({ ImageId: 'resolve:ssm:/datastream/ami' }));

    expect(Object.fromEntries((await names(cloud)).names)).toEqual({
      [A]: ['SSM parameter /ours', 'executions/a.json'],
      [B]: ['SSM parameter /datastream/ami', 'executions/b.json'],
    });
  });

  test('is no parameter that does not exist', async () => {
    const cloud = published();
    cloud.parameters.clear();
    file('a.json', withParameters({ ImageId: 'resolve:ssm:/gone' }));

    const { names: found, unknown, unread } = await names(cloud);

    expect([found.size, unknown.size, unread.length]).toEqual([0, 0, 0]);
  });

  test('is unknown where the parameter cannot be read', async () => {
    const { unknown, unread } = await names(published(DENIED));

    const error = expect.objectContaining({ name: 'AccessDeniedException' });
    expect(Object.fromEntries(unknown)).toEqual({
      [A]: { parameter: '/datastream/ami', error },
      [B]: { parameter: '/datastream/ami', error },
    });
    expect(unread).toEqual([]);
  });

  test('keeps it in a prune, and so does what may name it', async () => {
    file('a.json', withParameters({ ImageId: A }));

    expect(Object.fromEntries(reasonsToKeep(await names(published(DENIED)), 'eu-west-1'))).toEqual({
      [A]: 'named by executions/a.json',
      [B]: 'SSM parameter /datastream/ami may name it and cannot be read: These credentials have no permission for this: no.',
    });
  });

  test('may be any, where a file names a parameter that cannot be read', async () => {
    file('a.json', withParameters({ ImageId: 'resolve:ssm:/ours' }));

    expect((await names(published(DENIED))).unread).toEqual([
      { parameter: '/ours', files: ['executions/a.json'], error: expect.any(Error) },
    ]);
  });
});
