import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { failedCommand, script, withCommandText, withoutMarker } from '../../lambdas/script';

function run(commands: readonly string[], shell = 'bash') {
  const { status, stdout, stderr } = spawnSync(shell, ['-c', script(commands).join('\n')], { encoding: 'utf8' });
  return { status, stdout, stderr };
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

  it('leaves the script of another language alone', () => {
    expect(script(['#!/usr/bin/env python3\nprint(1)'])).toEqual(['#!/usr/bin/env python3\nprint(1)']);
  });
});
