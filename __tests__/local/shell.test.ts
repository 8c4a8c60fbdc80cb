import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { script } from '../../lambdas/datastream/script';
import { realClock } from '../../local/clock';
import { bashShell, missingForLocalRun } from '../../local/shell';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'datastream-test-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bucket = (key: string) => join(folder, 'buckets', key);
const home = () => join(folder, 'i-1', 'home', 'ec2-user');

function sh(script: string, signal = new AbortController().signal, onStdout?: (text: string) => void) {
  return bashShell({ buckets: join(folder, 'buckets'), scratch: folder, clock: realClock })({
    script,
    instanceId: 'i-1',
    signal,
    onStdout,
  });
}

/** A command in the background that waits for the file `go` before it does something. */
const whenTold = (command: string) => `(while [ ! -e ${folder}/go ]; do sleep 0.1; done; ${command})`;

function put(key: string, body: string): void {
  mkdirSync(join(bucket(key), '..'), { recursive: true });
  writeFileSync(bucket(key), body);
}

describe("The embedded instance's shell", () => {
  it('returns exit code and both streams', async () => {
    await expect(sh('echo out; echo err >&2; exit 3')).resolves.toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('passes on standard output while the script runs', async () => {
    const onStdout = () => writeFileSync(join(folder, 'go'), '');

    expect(await sh(`echo begun; ${whenTold('echo over')}`, undefined, onStdout)).toMatchObject({
      stdout: 'begun\nover\n',
    });
  });

  it("shows the commands none of this computer's environment", async () => {
    process.env.DATASTREAM_TEST_SECRET = 'secret';
    try {
      const { stdout } = await sh('env; runuser -l ec2-user -c env; sudo env');
      expect(stdout).not.toContain('secret');
    } finally {
      process.env.DATASTREAM_TEST_SECRET = undefined;
      delete process.env.DATASTREAM_TEST_SECRET;
    }
  });

  it("has /home/ec2-user on the instance's own disk", async () => {
    const { code } = await sh('mkdir -p /home/ec2-user/data && echo x > /home/ec2-user/data/file');

    expect(code).toBe(0);
    expect(readFileSync(join(home(), 'data', 'file'), 'utf8')).toBe('x\n');
    expect(existsSync('/home/ec2-user/data/file')).toBe(false);
  });

  it.each([
    `runuser -l ec2-user -c 'pwd; echo "$USER"'`,
    `su - ec2-user -c 'pwd; echo "$USER"'`,
    `runuser -u ec2-user -- bash -c 'pwd; echo "$USER"'`,
    `sudo -u root runuser -l ec2-user -c 'pwd; echo "$USER"'`,
  ])('stands in for %s', async (script) => {
    await expect(sh(script)).resolves.toEqual({ code: 0, stdout: `${home()}\nec2-user\n`, stderr: '' });
  });

  it("passes a command's exit code through runuser", async () => {
    expect((await sh("runuser -l ec2-user -c 'exit 9'")).code).toBe(9);
  });

  it('uploads, downloads and copies with aws s3 cp', async () => {
    const { code, stdout } = await sh(`echo one > a
      aws s3 cp a s3://first/x/
      aws s3 cp s3://first/x/a s3://second/b --no-progress
      aws s3 cp s3://second/b back --quiet
      echo piped | aws s3 cp - s3://first/from-pipe
      aws s3 cp s3://first/from-pipe -
      aws s3 cp a s3://third`);

    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'upload: a to s3://first/x/\ncopy: s3://first/x/a to s3://second/b\nupload: - to s3://first/from-pipe\npiped\nupload: a to s3://third\n',
    });
    expect(readFileSync(bucket('second/b'), 'utf8')).toBe('one\n');
    expect(readFileSync(bucket('third/a'), 'utf8')).toBe('one\n');
    expect(readFileSync(join(folder, 'i-1', 'root', 'back'), 'utf8')).toBe('one\n');
  });

  it('copies folders with aws s3 sync and aws s3 cp --recursive', async () => {
    const { code } = await sh(
      'mkdir -p d/e; echo 1 > d/e/f; aws s3 sync d s3://b/p; aws s3 cp --recursive s3://b/p copy; aws s3 sync s3://b/p s3://c/q',
    );

    expect(code).toBe(0);
    expect(readFileSync(bucket('b/p/e/f'), 'utf8')).toBe('1\n');
    expect(readFileSync(bucket('c/q/e/f'), 'utf8')).toBe('1\n');
    expect(readFileSync(join(folder, 'i-1', 'root', 'copy', 'e', 'f'), 'utf8')).toBe('1\n');
  });

  it.each([
    ['aws s3 cp nothing s3://b/k', 'the source nothing does not exist'],
    ['aws s3 cp s3://b/nothing .', 'the source s3://b/nothing does not exist'],
    ['aws s3 sync s3://b/nothing .', 'the source s3://b/nothing does not exist'],
    ['aws s3 cp a b', 'must be an s3:// address'],
    ['aws s3 cp a', 'needs a source and a destination'],
    ['aws s3 sync . s3://b --delete', 'does not know the option --delete'],
    ['aws s3 cp a s3://b/../../etc/x', 'not an address of an object'],
    ['aws ec2 describe-instances', "knows 'aws s3 cp' and 'aws s3 sync' only"],
    ['mount-s3 b', 'expected BUCKET and DIRECTORY'],
    ['mount-s3 b nowhere', 'the mount point nowhere does not exist'],
    ['shutdown -h now', 'does not switch this computer off'],
  ])('says why %j fails', async (script, message) => {
    const { code, stderr } = await sh(script);

    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it('mounts a bucket with mount-s3', async () => {
    put('b/in', 'from the bucket');

    const { code, stdout } = await sh(
      "runuser -l ec2-user -c 'mkdir data && mount-s3 b data && cat data/in && echo new > data/out'",
    );

    expect(code).toBe(0);
    expect(stdout).toContain('from the bucket');
    expect(readFileSync(bucket('b/out'), 'utf8')).toBe('new\n');
  });

  describe('with a bucket that mount-s3 has mounted', () => {
    const mounted = (commands: string, options = '') =>
      sh(`runuser -l ec2-user -c 'mkdir data && mount-s3 b data ${options}'\n${commands}`);
    const user = (command: string) => `runuser -l ec2-user -c '${command}'`;
    beforeEach(() => put('b/in', 'from the bucket\n'));

    it('reads objects and writes new ones, which S3 has as soon as the command ends', async () => {
      const { code, stdout, stderr } = await mounted(
        `${user('cat data/in; mkdir -p data/run/out && echo new > data/run/out/file')}
        aws s3 cp s3://b/run/out/file -
        echo other | aws s3 cp - s3://b/run/late
        ${user('cat data/run/late')}`,
      );

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('from the bucket\nnew\nupload: - to s3://b/run/late\nother\n');
      expect(readFileSync(bucket('b/run/out/file'), 'utf8')).toBe('new\n');
    });

    it.each([
      ['overwriting', 'echo other > data/in'],
      ['overwriting by cp -f', 'echo other > x; cp -f x data/in'],
      ['appending', 'echo more >> data/in'],
      ['editing in place', 'sed -i s/from/to/ data/in'],
      ['renaming', 'mv data/in data/out'],
      ['renaming a folder', 'mv data/folder data/other'],
      ['moving away', 'mv data/in elsewhere'],
      ['deleting', 'rm -f data/in'],
      ['a symbolic link', 'ln -s in data/out'],
      ['a hard link', 'ln data/in data/out'],
      ['another mode', 'chmod 600 data/in'],
    ])('refuses what Mountpoint refuses, and leaves the bucket as it was: %s', async (_, command) => {
      put('b/folder/object', 'one');

      const { code, stdout, stderr } = await mounted(`set -e\n${user(command)}\necho next`);

      expect(code).not.toBe(0);
      // Root's files are read-only to everybody but root, who is told when the command has ended.
      expect(stderr).toMatch(/mount-s3: data\/\S+ (was|is|got) .*Mountpoint|Permission denied/);
      expect(stdout).not.toContain('next');
      expect(readFileSync(bucket('b/in'), 'utf8')).toBe('from the bucket\n');
      expect(readFileSync(bucket('b/folder/object'), 'utf8')).toBe('one');
      expect(existsSync(bucket('b/out'))).toBe(false);
      expect(existsSync(bucket('b/other'))).toBe(false);
    });

    it('refuses a second writing and a renaming of what the job itself has written', async () => {
      const { code, stderr } = await mounted(`set -e
        ${user('echo one > data/part')}
        ${user('mv data/part data/whole')}`);

      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'mount-s3: data/part was renamed to whole: Mountpoint renames nothing.\n',
      });
      expect(readFileSync(bucket('b/part'), 'utf8')).toBe('one\n');
      expect(existsSync(bucket('b/whole'))).toBe(false);
    });

    it('goes on with the bucket as it is where a job does not care that it was refused', async () => {
      const { code, stdout } = await mounted(
        `${user('rm -f data/in; echo new > data/new')} || echo refused; ${user('cat data/in data/new')}`,
      );

      expect(code).toBe(0);
      expect(stdout).toContain('refused\nfrom the bucket\nnew\n');
    });

    it.each([
      ['--allow-overwrite', 'echo other > data/in', 'b/in', 'other\n'],
      ['--allow-delete', 'rm data/in', 'b/in', undefined],
      ['--allow-delete', 'rm data/in; echo anew > data/again', 'b/again', 'anew\n'],
      ['--allow-delete --allow-overwrite', 'rm data/in; echo new > data/new', 'b/new', 'new\n'],
    ])('allows with %s: %s', async (options, command, key, body) => {
      const { code, stderr } = await mounted(`set -e\n${user(command)}`, options);

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(existsSync(bucket(key)) ? readFileSync(bucket(key), 'utf8') : undefined).toBe(body);
    });

    it.each(['--allow-delete', '--allow-overwrite', '--allow-other'])('renames nothing with %s', async (options) => {
      const { code } = await mounted(user('mv data/in data/out'), options);

      expect(code).toBe(1);
      expect(readFileSync(bucket('b/in'), 'utf8')).toBe('from the bucket\n');
    });

    it.each([
      ['root reads', 'cat /home/ec2-user/data/in'],
      ['root writes', 'echo x > /home/ec2-user/data/x'],
      ['root by sudo', user('sudo cat data/in')],
      ['another user', "runuser -l other -c 'cp ~/../ec2-user/data/in .'"],
    ])('is for nobody but the user who has mounted it: %s', async (_, command) => {
      const { code, stderr } = await mounted(`set -e\n${command}`);

      expect(code).not.toBe(0);
      expect(stderr).toContain('Not a directory');
      expect(existsSync(bucket('b/x'))).toBe(false);
    });

    it('lets others read with --allow-other, and write with --dir-mode too', async () => {
      const root = (options: string, command: string) =>
        sh(`mkdir -p m && mount-s3 ${options} b m && chmod 755 . && ${user(command)}`);

      expect(await root('--allow-other', 'cat ~/../../root/m/in')).toMatchObject({ code: 0 });
      rmSync(join(folder, 'i-1'), { recursive: true });
      expect(await root('--allow-other', 'echo x > ~/../../root/m/x')).toMatchObject({
        code: 1,
        stderr:
          'mount-s3: m/x was changed by ec2-user, but root has mounted the bucket, and only root may write there.\n',
      });
      expect(existsSync(bucket('b/x'))).toBe(false);
      rmSync(join(folder, 'i-1'), { recursive: true });
      expect(await root('--allow-other --dir-mode 0777', 'echo x > ~/../../root/m/x')).toMatchObject({ code: 0 });
      expect(readFileSync(bucket('b/x'), 'utf8')).toBe('x\n');
    });

    it('writes nothing with --read-only, and only below the prefix with --prefix', async () => {
      expect(await mounted(user('echo x > data/x'), '--read-only')).toMatchObject({
        code: 1,
        stderr: 'mount-s3: data/x was changed, but the bucket is mounted with --read-only.\n',
      });
      rmSync(join(folder, 'i-1'), { recursive: true });
      expect(await mounted(user('echo x > data/x'), '--prefix=runs/one/')).toMatchObject({ code: 0 });
      expect(readFileSync(bucket('b/runs/one/x'), 'utf8')).toBe('x\n');
      expect(existsSync(bucket('b/x'))).toBe(false);
    });

    it('is settled when the script ends, where root has mounted and written itself', async () => {
      const { code, stderr } = await sh('mkdir m; mount-s3 b m; echo new > m/new; rm -f m/in');

      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'mount-s3: m/in was deleted: Mountpoint deletes only with --allow-delete.\n',
      });
      expect(readFileSync(bucket('b/new'), 'utf8')).toBe('new\n');
      expect(existsSync(bucket('b/in'))).toBe(true);
    });

    it('serves several commands at once', async () => {
      const { code, stderr } = await mounted(
        `for n in 1 2 3 4; do echo $n | aws s3 cp - s3://b/$n --quiet & done; wait; ${user('cat data/1 data/2 data/3 data/4')}`,
      );

      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    });
  });

  it.each([
    ['the job', 'echo "$HOME"; cd ~; pwd'],
    ['sh', 'sh -c \'echo "$HOME"; cd ~; pwd\''],
    ['sudo', 'sudo sh -c \'echo "$HOME"; cd ~; pwd\''],
  ])("has the home of a login of root's: %s", async (_, command) => {
    const root = join(folder, 'i-1', 'root');

    expect(await sh(script([command], { attempt: 'home', seconds: 60 }).join('\n'))).toMatchObject({
      code: 0,
      stdout: `${root}\n${root}\n`,
    });
  });

  it("lets the job's own log not take the blame for what its last command did to a mount", async () => {
    mkdirSync(join(folder, 'buckets', 'a-bucket'), { recursive: true });
    writeFileSync(join(folder, 'buckets', 'a-bucket', 'there'), 'before');
    const commands = ['mkdir m && mount-s3 a-bucket m', 'rm -f m/there'];
    const log = { bucket: 'a-bucket', folder: 'logs' };

    const { code, stderr } = await sh(script(commands, { attempt: 'mount', seconds: 60, log }).join('\n'));

    expect(code).not.toBe(0);
    expect(stderr).toContain('the log is in s3://a-bucket/logs/');
    expect(readFileSync(join(folder, 'buckets', 'a-bucket', 'there'), 'utf8')).toBe('before');
  });

  it('gives a script no HOME of its own, as the agent does', async () => {
    expect(await sh('echo "${HOME-none}"')).toMatchObject({ stdout: 'none\n' });
  });

  it('ends everything that the script has started when the instance ends', async () => {
    const instance = new AbortController();
    const run = sh(
      `${whenTold('touch "$DATASTREAM_DISK/../survived"')} & touch ${folder}/begun; wait`,
      instance.signal,
    );
    while (!existsSync(join(folder, 'begun'))) await realClock.sleep(20);

    instance.abort();

    expect((await run).code).not.toBe(0);
    writeFileSync(join(folder, 'go'), '');
    await realClock.sleep(300);
    expect(existsSync(join(folder, 'survived'))).toBe(false);
  });

  it('leaves the commands no open file but the three streams', async () => {
    const { stdout } = await sh('for fd in 3 4 5 6 7 8 9; do { true >&$fd; } 2>/dev/null && echo "$fd"; done; true');

    expect(stdout).toBe('');
  });

  it('does not wait for what a script leaves in the background', async () => {
    const instance = new AbortController();

    // It ends when it is told to, which is after the shell has returned.
    const { stdout } = await sh(`${whenTold('echo late')} & echo started`, instance.signal);

    expect(stdout).toBe('started\n');
    instance.abort();
  });

  it('has all that a script has written by its end, though something in the background writes on', async () => {
    const instance = new AbortController();

    const { stdout } = await sh(`yes background >&2 & head -c 60000 /dev/zero | tr '\\0' x`, instance.signal);

    expect(stdout).toBe('x'.repeat(60_000));
    instance.abort();
  });
});

it('a local run says that it needs bash', () => {
  expect(missingForLocalRun('/nowhere')).toContain('bash');
  expect(missingForLocalRun()).toBeUndefined();
});
