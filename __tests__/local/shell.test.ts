import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../local/clock';
import { bashShell, missingForLocalRun } from '../../local/shell';

jest.setTimeout(30_000);

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'datastream-test-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bucket = (key: string) => join(folder, 'buckets', key);
const home = () => join(folder, 'i-1', 'home', 'ec2-user');

function sh(script: string, signal = new AbortController().signal) {
  return bashShell({ buckets: join(folder, 'buckets'), scratch: folder, clock: realClock })({
    script,
    instanceId: 'i-1',
    signal,
  });
}

function put(key: string, body: string): void {
  mkdirSync(join(bucket(key), '..'), { recursive: true });
  writeFileSync(bucket(key), body);
}

describe("The embedded instance's shell", () => {
  it('returns exit code and both streams', async () => {
    await expect(sh('echo out; echo err >&2; exit 3')).resolves.toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
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
    const { code, stdout } = await sh(`cd ~; echo one > a
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
      "runuser -l ec2-user -c 'mkdir data && mount-s3 b data --read-only && cat data/in && echo new > data/out'",
    );

    expect(code).toBe(0);
    expect(stdout).toContain('from the bucket');
    expect(readFileSync(bucket('b/out'), 'utf8')).toBe('new\n');
  });

  it('ends everything that the script has started when the instance ends', async () => {
    const instance = new AbortController();
    const run = sh(`(sleep 1; touch ${folder}/survived) & sleep 30`, instance.signal);
    await realClock.sleep(200);

    instance.abort();

    expect((await run).code).not.toBe(0);
    await realClock.sleep(1200);
    expect(existsSync(join(folder, 'survived'))).toBe(false);
  });

  it('does not wait for what a script leaves in the background', async () => {
    const begun = Date.now();
    const instance = new AbortController();

    await sh('sleep 20 & echo started', instance.signal);

    expect(Date.now() - begun).toBeLessThan(5000);
    instance.abort();
  });
});

it('a local run says that it needs bash', () => {
  expect(missingForLocalRun('/nowhere')).toContain('bash');
  expect(missingForLocalRun()).toBeUndefined();
});
