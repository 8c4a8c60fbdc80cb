import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Records } from '../../local/records';

const BEGUN = new Date('2026-03-01T12:00:00Z');
let folder: string;
let records: Records;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datastream-test-'));
  records = new Records(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const recordFile = (name: string) => join(folder, 'executions', name, 'execution.json');

/** Changes the process that a record names. */
function ownedBy(name: string, owner: object): void {
  const record = JSON.parse(readFileSync(recordFile(name), 'utf8'));
  writeFileSync(recordFile(name), JSON.stringify({ ...record, process: { ...record.process, ...owner } }));
}

/** The ID of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid;

describe('The record of an execution', () => {
  it('is RUNNING while its process runs, and then as that has left it', () => {
    const recording = records.begin('one', { commands: [] }, BEGUN);

    expect(records.read('one')).toMatchObject({ status: 'RUNNING', input: { commands: [] } });
    recording?.update({ status: 'SUCCEEDED', ended_at: BEGUN.toISOString() });
    ownedBy('one', { pid: deadPid() });
    expect(records.read('one')).toMatchObject({ status: 'SUCCEEDED', process: { pid: expect.any(Number) } });
  });

  it.each([
    ['has ended', () => ({ pid: deadPid() })],
    // Process 1 always runs, but it did not begin then.
    ['has ended, and whose ID another one has', () => ({ pid: process.pid, began: '1' })],
  ])('is FAILED, never RUNNING, where its process %s', (_, owner) => {
    records.begin('one', {}, BEGUN)?.update({ instances: [{ instance_id: 'i-1', attempt: 1, state: 'running' }] });
    ownedBy('one', owner());

    expect(records.read('one')).toMatchObject({
      status: 'FAILED',
      error: 'ProcessEnded',
      ended_at: expect.any(String),
      instances: [{ instance_id: 'i-1', state: 'terminated' }],
    });
    // What is read is not written: the process may be another one's to judge.
    expect(JSON.parse(readFileSync(recordFile('one'), 'utf8')).status).toBe('RUNNING');
  });

  it('of another host or container is RUNNING as long as that shows a sign of life', () => {
    const recording = records.begin('one', {}, BEGUN);
    ownedBy('one', { place: 'elsewhere', pid: deadPid() });

    expect(records.read('one')?.status).toBe('RUNNING');
    const minuteAgo = new Date(Date.now() - 60_000);
    utimesSync(recordFile('one'), minuteAgo, minuteAgo);
    expect(records.read('one')?.status).toBe('FAILED');
    recording?.beat();
    expect(records.read('one')?.status).toBe('RUNNING');
  });

  it('is begun once for each name', () => {
    expect(records.begin('one', {}, BEGUN)).toBeDefined();
    expect(records.begin('one', {}, BEGUN)).toBeUndefined();
  });

  it('is not found by a name that leads elsewhere', () => {
    writeFileSync(join(folder, 'execution.json'), JSON.stringify({ version: 1, status: 'SUCCEEDED' }));
    records.begin('one', {}, BEGUN);

    expect(records.read('..')).toBeUndefined();
    expect(records.read('two')).toBeUndefined();
  });

  it('is asked to stop by another process', () => {
    const recording = records.begin('one', {}, BEGUN);

    expect(recording?.mustStop).toBe(false);
    records.askToStop('one');
    expect(recording?.mustStop).toBe(true);
  });
});

describe('The list of records', () => {
  it('has the youngest first, and leaves out what is no record', () => {
    for (const [name, hour] of [
      ['b', 1],
      ['c', 3],
      ['a', 2],
    ] as const) {
      records.begin(name, {}, new Date(BEGUN.getTime() + hour * 3_600_000));
    }
    mkdirSync(join(folder, 'executions', 'empty'));
    mkdirSync(join(folder, 'executions', 'broken'));
    writeFileSync(recordFile('broken'), '{ "version": 1, "sta');

    expect(records.list().map(({ name }) => name)).toEqual(['c', 'a', 'b']);
  });

  it('is empty where nothing has run', () => {
    expect(new Records(join(folder, 'none')).list()).toEqual([]);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

describe("The job's output", () => {
  it('is kept as it grows, whole', () => {
    const logs = join(folder, 'logs');
    const recording = records.begin('one', {}, BEGUN);
    recording?.keepOutput(2, logs);
    const kept = () => readFileSync(records.outputFile('one', 2, 'stdout'), 'utf8');

    recording?.beat();
    expect(existsSync(records.outputFile('one', 2, 'stdout'))).toBe(false);
    mkdirSync(logs);
    writeFileSync(join(logs, 'stdout.log'), 'first\n');
    recording?.beat();
    expect(kept()).toBe('first\n');
    const long = 'x'.repeat(2_500_000);
    appendFileSync(join(logs, 'stdout.log'), long);
    recording?.beat();
    recording?.beat();
    expect(kept() === `first\n${long}`).toBe(true);
    expect(existsSync(records.outputFile('one', 2, 'stderr'))).toBe(false);
  });
});
