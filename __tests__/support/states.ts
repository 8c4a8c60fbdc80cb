import { virtualClock } from '../../local/clock';
import { seededRandom } from '../../local/random';
import { awsError, type Faults, Service } from '../../local/service';
import { EmbeddedSfn, type Execution } from '../../local/sfn';
import type { Definition } from '../../local/states/definition';
import type { Integration } from '../../local/states/integrations';
import type { Progress } from '../../local/states/interpreter';
import type { SmallMachine } from './states-machines';

export const MACHINE = 'arn:aws:states:us-east-1:000000000000:stateMachine:small';
export const BEGUN = '2026-03-01T12:00:00.000Z';

/** Step Functions alone, on virtual time, with a bucket in memory and integrations of the test's own. */
export function embeddedStates(integrations: Readonly<Record<string, Integration>> = {}, faults?: Faults) {
  const clock = virtualClock(new Date(BEGUN));
  const objects = new Map<string, string>();
  const events: Readonly<Record<string, unknown>>[] = [];
  const progress: Progress[] = [];
  const sfn = new EmbeddedSfn(
    clock,
    new Service(clock, 0, faults),
    (_source, _type, detail) => events.push(detail),
    seededRandom(1),
  );
  sfn.integrate('s3:getObject', async ({ parameters: { Bucket, Key } }) => {
    const Body = objects.get(`${Bucket}/${Key}`);
    if (Body === undefined) throw awsError('NoSuchKey', 'The specified key does not exist.', 404);
    return { Body };
  });
  sfn.integrate('s3:putObject', async ({ parameters: { Bucket, Key, Body } }) => {
    if (Bucket === 'closed') throw awsError('AccessDenied', 'Access Denied', 403);
    objects.set(`${Bucket}/${Key}`, String(Body));
    return {};
  });
  for (const [service, integration] of Object.entries(integrations)) sfn.integrate(service, integration);

  const start = (definition: Definition, input: unknown = {}, stateMachineArn = MACHINE): Execution => {
    sfn.define(stateMachineArn, definition);
    return sfn.start({ stateMachineArn, input, onProgress: (each) => progress.push(each) });
  };
  const run = async (definition: Definition, input: unknown = {}): Promise<Execution> => {
    const execution = start(definition, input);
    await clock.run(execution.ended);
    return execution;
  };
  /** Seconds since the beginning. */
  const seconds = () => (clock.now().getTime() - Date.parse(BEGUN)) / 1000;
  return { sfn, clock, objects, events, progress, start, run, seconds };
}

/** How an execution has ended, in the form of what is expected of it. */
export function endOf({
  status,
  output,
  error,
  cause,
}: Execution): SmallMachine['expected'] | { readonly status: string } {
  if (status === 'SUCCEEDED') return { output };
  return status === 'FAILED' ? { error: error ?? '', cause } : { status };
}

/** One test for each machine. */
export function testMachines(machines: readonly SmallMachine[]): void {
  it.each(machines.map((machine) => [machine.feature, machine.source, machine] as const))(
    '%s (%s)',
    async (_feature, _source, { definition, input, expected }) => {
      const execution = await embeddedStates().run(definition, input);

      const end = endOf(execution);
      if ('output' in expected) expect(end).toEqual(expected);
      else expect(end).toMatchObject(expected);
    },
  );
}
