import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { COMMAND, inNewFolders } from '../../support/cli';

const { path } = inNewFolders();

const scriptOf = (shell: string) =>
  spawnSync(process.execPath, [COMMAND, 'completion', shell], { encoding: 'utf8', cwd: tmpdir() }).stdout;
const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;
const [bash, zsh, fish] = ['bash', 'zsh', 'fish'].map(scriptOf);

/** Words that are typed, and what is offered in place of the last one. */
const CASES: [words: string[], offered: string[]][] = [
  [['st'], ['start', 'status']],
  [
    ['list', '--status', ''],
    ['running', 'succeeded', 'failed', 'timed_out', 'aborted'],
  ],
  [['list', '--status', 'fa'], ['failed']],
  [['list', '--sta'], ['--status']],
  [['matrix', 'ch'], ['check']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [
    ['logs', '--local', 'o'],
    ['one', 'other'],
  ],
  [['validate', '--image-architecture', 'x'], ['x86_64']],
  // A value that looks like a command is none.
  [['start', '--name', 'list', '--wa'], ['--wait']],
];

/** What the shell offers for the words; it is run in a folder with executions. */
function offeredBy(shell: string, script: string, ask: (words: readonly string[]) => string, words: readonly string[]) {
  for (const name of ['one', 'other']) mkdirSync(path(`.datastream/executions/${name}`), { recursive: true });
  writeFileSync(path('script'), script);
  const args = [...(shell === 'fish' ? ['--no-config'] : ['--norc']), '-c', `source ./script; ${ask(words)}`];
  const { stdout, stderr } = spawnSync(shell, args, { cwd: path(), encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

describe('completion bash', () => {
  const ask = (words: readonly string[]) =>
    `COMP_WORDS=(datastream ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _datastream; printf '%s\\n' "\${COMPREPLY[@]}"`;

  it.each(CASES)('offers for %j: %j', (words, offered) => {
    expect(offeredBy('bash', bash ?? '', ask, words)).toEqual(offered);
  });

  it.each([
    ['a file', ['start', '']],
    ['a value that is no word of a list', ['list', '--since', '']],
    ["an execution's name on AWS", ['logs', '']],
  ])('leaves %s to the shell', (_, words) => {
    expect(offeredBy('bash', bash ?? '', ask, words)).toEqual([]);
    expect(bash).toContain('complete -o default -F _datastream datastream\n');
  });

  it('looks for executions in the folder that is named', () => {
    mkdirSync(path('elsewhere/executions/there'), { recursive: true });

    expect(offeredBy('bash', bash ?? '', ask, ['logs', '--local', '--folder', 'elsewhere', ''])).toEqual(['there']);
  });
});

describe('completion zsh', () => {
  it("is bash's script, after zsh's own completion and its layer for bash", () => {
    expect(zsh?.endsWith(bash ?? '-')).toBe(true);
    expect(zsh).toContain('\nbashcompinit\n');
  });

  (has('zsh') ? it : it.skip)('is a script that zsh can read', () => {
    expect(spawnSync('zsh', ['-n'], { input: zsh, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('completion fish', () => {
  (has('fish') ? it : it.skip).each(CASES)('offers for %j: %j', (words, offered) => {
    const ask = (typed: readonly string[]) => `complete -C 'datastream ${typed.join(' ')}'`;

    const lines = offeredBy('fish', fish ?? '', ask, words).map((line) => line.split('\t')[0] ?? '');
    expect(lines.sort()).toEqual([...offered].sort());
  });

  it('says what each command and option is', () => {
    expect(fish).toContain("-a 'start' -d 'start an execution of each file'\n");
    expect(fish).toMatch(/-l status -r -f -a 'running [a-z_ ]+' -d 'those of one status'\n/);
  });
});

test('a word that no shell has is refused with those that there are', () => {
  const { status, stderr } = spawnSync(process.execPath, [COMMAND, 'completion', 'csh'], { encoding: 'utf8' });

  expect(status).toBe(2);
  expect(stderr).toMatch(/Allowed choices are bash, zsh, fish\./);
});
