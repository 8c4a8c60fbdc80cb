import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failedCommand, script, withCommandText, withoutMarker } from '../../lambdas/script';

/** Plays the instance's disk. */
let TMPDIR: string;
/** Where the agent writes its scripts. */
let agent: string;
beforeEach(() => {
  TMPDIR = mkdtempSync(join(tmpdir(), 'datastream-test-'));
  agent = mkdtempSync(join(tmpdir(), 'datastream-test-agent-'));
});
afterEach(() => {
  for (const folder of [TMPDIR, agent]) rmSync(folder, { recursive: true, force: true });
});

const environment = () => ({ ...process.env, TMPDIR });

/** Each call is another attempt, where none is given. */
let attempts = 0;
function run(commands: readonly string[], shell = 'bash', attempt = `a${++attempts}`) {
  const { status, stdout, stderr } = spawnSync(shell, ['-c', written(commands, attempt), ''], {
    encoding: 'utf8',
    env: environment(),
  });
  return { status, stdout, stderr };
}

/** As SSM's agent does it (amazon-ssm-agent, runscript): an executable file, which it has `sh -c` run by its path. */
function written(commands: readonly string[], attempt: string): string {
  const file = join(mkdtempSync(join(agent, 'command-')), '_script.sh');
  writeFileSync(file, script(commands, attempt).join('\n'), { mode: 0o700 });
  return file;
}

/** @returns its exit code, when it has ended */
function started(commands: readonly string[], shell: string, attempt: string): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(shell, ['-c', written(commands, attempt), ''], { env: environment(), stdio: 'ignore' });
    child.on('exit', resolve);
  });
}

const SHELLS = ['bash', ...(existsSync('/bin/dash') ? ['/bin/dash'] : [])];

describe.each(SHELLS)('The script of a job under %s', (shell) => {
  it('runs every command and exits 0 when all succeed', () => {
    expect(run(['echo one', 'echo two'], shell)).toEqual({ status: 0, stdout: 'one\ntwo\n', stderr: '' });
  });

  it('stops at the first command that fails, with its exit code', () => {
    const { status, stdout } = run(['echo one', '(exit 7)', 'echo three'], shell);

    expect({ status, stdout }).toEqual({ status: 7, stdout: 'one\n' });
  });

  it('runs once when it is sent twice, and ends alike, however it ends', async () => {
    const endings: Readonly<Record<string, readonly [last: readonly string[], code: number]>> = {
      success: [['true'], 0],
      rebooting: [['exit 194'], 1],
      trap: [['trap : EXIT', 'exit 7'], 7],
      exec: [["exec sh -c 'exit 7'"], 7],
      killed: [['kill -9 $$'], 1],
    };

    const both = Object.entries(endings).map(async ([name, [last]]) => {
      const commands = [`echo ran >> "$TMPDIR/ran-${name}"`, 'sleep 1', ...last];
      const codes = await Promise.all([1, 2].map(() => started(commands, shell, name)));
      return [...codes, run(commands, shell, name).status];
    });

    const expected = Object.values(endings).map(([, code]) => [code, code, code]);
    expect(await Promise.all(both)).toEqual(expected);
    for (const name of Object.keys(endings)) expect(readFileSync(join(TMPDIR, `ran-${name}`), 'utf8')).toBe('ran\n');
  });

  it.each([
    ['rebooted', 'another-boot:1'],
    ['killed', (boot: string) => `${boot}:99999999`],
  ])('does not run again when it was %s before its end', (_, first) => {
    run(['true'], shell, 'probe');
    const [boot = ''] = readlinkSync(join(TMPDIR, 'datastream-probe')).split(':');
    symlinkSync(typeof first === 'string' ? first : first(boot), join(TMPDIR, 'datastream-one'));

    const { status, stdout, stderr } = run(['echo again'], shell, 'one');

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('restarted');
  });

  it('lets a here-document span several elements', () => {
    expect(run(['cat <<END', 'set -e', 'END'], shell)).toEqual({ status: 0, stdout: 'set -e\n', stderr: '' });
  });
});

describe('The script of a job', () => {
  it('fails when any part of a pipe fails, where the shell can tell', () => {
    expect(run(['false | cat']).status).toBe(1);
  });

  it.each([
    [['ls /nowhere-at-all', 'true'], 'command 1 of 2 exited with code 2'],
    [['true', "bash -c 'exit 5'"], 'command 2 of 2 exited with code 5'],
    [['true', 'exit 3', 'true'], 'command 2 of 3 exited with code 3'],
    [['set -u', 'echo $NOT_SET_ANYWHERE', 'true'], 'command 2 of 3 exited with code 1'],
    [['true', 'false | true', 'true'], 'command 2 of 3 exited with code 1'],
    [['f() { return 6; }', 'true', 'f', 'true'], 'command 3 of 4 exited with code 6'],
    [['true\ntrue\ntrue', 'for i in 1 2\ndo\n  test "$i" = 1\ndone', 'true'], 'command 2 of 3 exited with code 1'],
    [['cat <<END >/dev/null', 'text', 'END', 'false'], 'command 4 of 4 exited with code 1'],
    [['#!/bin/bash\ntrue\n(exit 4)', 'true'], 'command 1 of 2 exited with code 4'],
    [['#!/bin/bash', 'false'], 'command 2 of 2 exited with code 1'],
    [['#!', 'false', 'true'], 'command 2 of 3 exited with code 1'],
    [['echo a', '(cd / && false)', 'echo never'], 'command 2 of 3 exited with code 1'],
    [['(exit 9)', 'echo never'], 'command 1 of 2 exited with code 9'],
    [
      ['for i in 1 2', 'do', 'echo $i', 'done', 'if [ 1 = 1 ]; then', '(exit 9)', 'fi'],
      'command 6 of 7 exited with code 9',
    ],
    [['false || true', 'if false; then true; fi', 'test -d /', 'exit 4'], 'command 4 of 4 exited with code 4'],
  ])('says of %j which command failed', (commands, sentence) => {
    expect(failedCommand(run(commands).stderr)).toBe(sentence);
  });

  it('is told with the text of the command, as it stands in the execution', () => {
    const cause = 'Command 2 of 2 exited with code 1.\nEnd of standard error:\noh';

    expect(withCommandText(cause, ['true', "./model --name '$x.'"])).toBe(
      "Command 2 of 2 exited with code 1: ./model --name '$x.'\nEnd of standard error:\noh",
    );
    expect(withCommandText('A command exited with code 1.', ['true'])).toBe('A command exited with code 1.');
  });

  it('keeps what the commands themselves wrote on standard error', () => {
    expect(withoutMarker(run(['echo no forcings >&2', 'false']).stderr)).toBe('no forcings');
  });

  it("never exits with 194, by which SSM's agent would reboot and run the script again", () => {
    expect(run(['exit 194']).status).toBe(1);
    expect(run(['(exit 194)', 'true']).status).toBe(1);
    expect(run(['exit 193']).status).toBe(193);
  });

  it('runs a script of another language as it is, by its interpreter and with its argument, and once', () => {
    const commands = ['#! /usr/bin/awk -f\nBEGIN { print "one"', '  print "two"; exit 7 }'];

    expect(run(commands, 'bash', 'awk')).toEqual({ status: 7, stdout: 'one\ntwo\n', stderr: '' });
    expect(run(commands, 'bash', 'awk')).toMatchObject({ status: 7, stdout: '' });
  });

  it('passes what follows the interpreter as one argument, as the kernel does', () => {
    const { stdout } = run(["#!/usr/bin/printf <%s>\tit's one $HOME"]);

    expect(stdout).toMatch(/^<[^>]+>\tit's one \$HOME$/);
  });

  it('leaves nothing behind but its lock', () => {
    run(['true'], 'bash', 'one');

    expect(readdirSync(TMPDIR).sort()).toEqual(['datastream-one', 'datastream-one.code']);
  });

  it("says that it was killed, which SSM's agent would tell as a time-out", () => {
    const { status, stderr } = run(['kill -9 $$']);

    expect(status).toBe(1);
    expect(stderr).toContain('Killed (exit code 137), perhaps for want of memory.');
    expect(run(['#!/usr/bin/awk -f\nBEGIN { exit 137 }']).status).toBe(1);
  });

  it('fails when there is no room for it', () => {
    TMPDIR = join(TMPDIR, 'not-there');

    expect(run(['echo ran'])).toMatchObject({ status: 1, stdout: '' });
  });

  it('has its lock where it outlives a reboot, as /tmp does not', () => {
    expect(script(['true'], 'one')[0]).toMatch(/^datastream_lock="\$\{TMPDIR:-\/var\/tmp\}\/datastream-one";/);
  });

  it('runs in the very shell that SSM has chosen', () => {
    const sh = join(TMPDIR, 'sh');
    symlinkSync(spawnSync('bash', ['-c', 'echo "$BASH"'], { encoding: 'utf8' }).stdout.trim(), sh);

    // bash that is called sh is in its POSIX mode.
    expect(run(['set -o'], sh).stdout).toMatch(/^posix\s+on$/m);
    expect(run(['set -o']).stdout).toMatch(/^posix\s+off$/m);
    // Where a command in $() that fails ends the whole.
    expect(run(['x=$(false; echo fetched)', 'echo "$x"'], sh)).toMatchObject({ status: 1, stdout: '' });
  });
});
