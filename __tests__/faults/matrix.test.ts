import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tag } from '../../lambdas/datastream/tags';
import { brokenInvariants, type Evidence, INVARIANTS } from '../support/invariants';
import { begin, executionFile } from '../support/scenario';
import { emptyTally, matrix, type Tally } from './matrix';
import { nameOf, parseRun, perform, undisturbed } from './run';
import { SCENARIOS } from './scenarios';
import { walk } from './walk';

/** Of the matrix that `npm run faults` plays whole. */
const EVERY = 89;

const failures = (tally: Tally) =>
  tally.failures.map(({ name, broken }) => [
    name,
    ...broken.map(({ invariant, sentence }) => `${INVARIANTS[invariant]}: ${sentence}`),
  ]);

describe('The check of the invariants', () => {
  let held: Evidence;
  beforeAll(async () => {
    held = await (await begin(SCENARIOS['main path'])).finish();
  });

  it.each<[number, string, (evidence: Evidence) => Evidence]>([
    [1, 'a second instance of one attempt', (evidence) => withInstance(evidence, 'terminated')],
    [
      2,
      'an instance that runs on',
      (evidence) => ({ ...evidence, running: evidence.runs.map(({ instanceId }) => instanceId) }),
    ],
    [2, 'an instance that was to be terminated', (evidence) => withInstance(evidence, 'stopped', '2')],
    [
      2,
      'an instance that was to be stopped',
      (evidence) => ({ ...evidence, file: executionFile({ ii_terminate_instance: false }) }),
    ],
    [2, 'a volume', ({ cloud, ...evidence }) => ({ ...evidence, cloud: withEc2(cloud, { volumes: ['vol-other'] }) })],
    [3, 'SUCCEEDED without the object', ({ objectDate: _, ...evidence }) => evidence],
    [3, 'SUCCEEDED though a command failed', (evidence) => ({ ...evidence, runs: recoded(evidence, 1) })],
    [3, 'SUCCEEDED though the commands never ended', (evidence) => ({ ...evidence, runs: recoded(evidence) })],
    [3, 'FAILED though all is well', (evidence) => ({ ...evidence, end: { ...evidence.end, status: 'FAILED' } })],
    [4, 'commands that ran twice', (evidence) => ({ ...evidence, runs: [...evidence.runs, ...evidence.runs] })],
    [5, 'an execution that had to be stopped', (evidence) => ({ ...evidence, endless: true })],
    [7, 'a launch without an input', (evidence) => ({ ...evidence, launchedWithout: ['in/1'] })],
    [6, 'another outcome', (evidence) => ({ ...evidence, undisturbed: { status: 'FAILED', error: 'CommandFailed' } })],
  ])('finds number %d broken by %s', (invariant, _, change) => {
    expect(brokenInvariants(held)).toEqual([]);
    expect(brokenInvariants(change(held)).map((each) => each.invariant)).toContain(invariant);
  });

  const recoded = ({ runs }: Evidence, code?: number) => runs.map(({ instanceId }) => ({ instanceId, code }));

  const withEc2 = ({ ec2 }: Evidence['cloud'], changes: Partial<Evidence['cloud']['ec2']>) =>
    ({ ec2: { instances: ec2.instances, volumes: ec2.volumes, ...changes } }) as Evidence['cloud'];

  function withInstance(evidence: Evidence, Name: 'stopped' | 'terminated', attempt = '1'): Evidence {
    const [first] = evidence.cloud.ec2.instances.values();
    if (!first) throw new Error('There is no instance.');
    const Tags = first.api.Tags.map((tag) => (tag.Key === Tag.attempt ? { ...tag, Value: attempt } : tag));
    const api = { ...first.api, InstanceId: 'i-other', State: { Name }, Tags };
    const instances = new Map([...evidence.cloud.ec2.instances, ['i-other', { ...first, api }]]);
    return { ...evidence, cloud: withEc2(evidence.cloud, { instances }) };
  }
});

describe('The fault matrix', () => {
  it.each(Object.keys(SCENARIOS))('holds every invariant when nothing goes wrong: %s', async (scenario) => {
    expect((await undisturbed(scenario)).broken).toEqual([]);
  });

  it('holds every invariant in a part of its runs', async () => {
    const tally = await matrix({ of: 1, index: 0, every: EVERY });

    expect(failures(tally)).toEqual([]);
    expect(tally.runs).toBeGreaterThan(300);
  });

  it('holds every invariant on random walks', async () => {
    const tally = emptyTally();
    await walk(tally, 4, 150);

    expect(failures(tally)).toEqual([]);
    expect(tally.runs).toBeGreaterThanOrEqual(150);
  });

  it.each(Object.keys(SCENARIOS))('knows the scenario by its name: %s', (scenario) => {
    const run = { scenario, disturbances: [{ at: 'event#*', effect: 'very late' as const }] };

    expect(parseRun(nameOf(run))).toEqual(run);
  });

  it('is told in docs/faults.md by the calls that there are and the invariants as they are', async () => {
    const page = readFileSync(join(__dirname, '../../docs/faults.md'), 'utf8').split('## The last run')[1];
    const outcomes = await Promise.all(Object.keys(SCENARIOS).map((scenario) => undisturbed(scenario)));
    const rows = new Set(outcomes.flatMap(({ met }) => met.map(({ row }) => row)));

    expect([...rows].filter((row) => !page?.includes(`\n| ${row} |`))).toEqual([]);
    for (const [number, text] of Object.entries(INVARIANTS)) {
      expect(page).toMatch(new RegExp(`^\\| ${number}\\. ${text} \\| \\d+ \\| 0 \\|$`, 'm'));
    }
  });

  it('plays an upgrade with what comes after it', async () => {
    const name = 'main path, machine.Invoke(poller)#1 upgraded, machine.Invoke(checker)#1 error after';

    expect(nameOf(parseRun(name))).toBe(name);
    const { end, broken } = await perform(parseRun(name));
    expect([end.status, broken]).toEqual(['SUCCEEDED', []]);
  });

  it('names every run so that it can be repeated', async () => {
    const name = 'main path, commander.SendCommand#1 error after, commander.ListCommands#2 stale, event#1 lost';

    expect(nameOf(parseRun(name))).toBe(name);
    const { end, met } = await perform(parseRun(name));
    expect(end.status).toBe('SUCCEEDED');
    expect(met.map(({ at }) => at)).toContain('commander.SendCommand#2');
  });

  it.each([
    ['nowhere', 'There is no scenario'],
    ['main path, starter.RunInstances killed', 'is no disturbance'],
    ['main path, starter.RunInstances#1 broken', 'is no disturbance'],
    ['toString', 'There is no scenario'],
    ['main path, event#1 killed', 'is no disturbance'],
    ['main path, event#* deployed', 'is no disturbance'],
    ['main path, starter.RunInstances#1 upgraded', 'is no disturbance'],
    ['main path, commander.SendCommand#1 lost', 'is no disturbance'],
    ['main path, starter.GetParameters#1 stale', 'is no disturbance'],
    ['main path, somebody.SendCommand#1 killed', 'is no disturbance'],
    ['main path, commander.SendCommand#0 killed', 'is no disturbance'],
    ['main path, commander.SendCommand#* killed', 'is no disturbance'],
    ['main path, event#01 lost', 'is no disturbance'],
    ['main path, event#1 lost, event#1 doubled', 'does two things to one event'],
    ['main path, event#* late, event#2 lost', 'does two things to one event'],
  ])('refuses the name %j', (name, message) => {
    expect(() => parseRun(name)).toThrow(message);
  });
});
