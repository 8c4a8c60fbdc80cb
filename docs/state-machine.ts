import type { Definition, State } from '../constructs/aws/states-language';
import { definition } from '../constructs/datastream/definition';
import { MACHINE_FUNCTIONS, type MachineFunction } from '../constructs/datastream/functions';
import { submissionDefinition } from '../constructs/datastream/submission-definition';

const ROLES = Object.fromEntries(MACHINE_FUNCTIONS.map((name) => [name, name])) as Record<MachineFunction, string>;

/** A state, as far as it is drawn: of any system's definition. */
type Drawn = Pick<State, 'Next' | 'Catch' | 'Choices' | 'Default' | 'Retry'> & { readonly Type: string };

/** A definition, as far as it is drawn. */
interface Machine {
  readonly Comment?: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, Drawn>>;
}

/** `docs/state-machine.md`: the diagram and the retries, generated from the definition that is deployed. */
export function stateMachinePage(machine: Definition = definition(ROLES)): string {
  const submissions = submissionDefinition({ stateMachineArn: 'machine', resultsArn: 'results', bucket: 'bucket' });
  const { StartAt, States } = submissions.States.Jobs.ItemProcessor;
  return `# The state machine

Generated from \`constructs/datastream/definition.ts\` by \`npm run generate\`. A test fails if this page is out of date.

\`\`\`mermaid
${diagram(machine)}
\`\`\`

Dotted arrows are errors. LaunchRefused, GivenUp and NoCapacity lead to another launch, every other error to EC2Stopper. EC2Stopper ends the instance; Outcome then chooses between another attempt and the end. If EC2Stopper cannot end the instance, the reaper ends it.

## What each state retries

| state | errors | first wait | factor | longest wait | retries |
| --- | --- | --- | --- | --- | --- |
${Object.entries(machine.States)
  .flatMap(([name, state]) => retries(name, state))
  .join('\n')}

## The submission machine

Generated from \`constructs/datastream/submission-definition.ts\`. It is there with \`submissions_bucket\` alone ([submissions](submissions.md)). Jobs is a Distributed Map: each item is a child execution.

\`\`\`mermaid
${diagram(submissions)}
\`\`\`

The child execution of an item. Start starts the job and waits for its end:

\`\`\`mermaid
${diagram({ Comment: '', StartAt, States })}
\`\`\`

| state | errors | first wait | factor | longest wait | retries |
| --- | --- | --- | --- | --- | --- |
${[...Object.entries(submissions.States), ...Object.entries(States)]
  .flatMap(([name, state]) => retries(name, state))
  .join('\n')}
`;
}

/**
 * A state machine as a diagram of Mermaid.
 *
 * @param labels what stands on the arrows of choices, by `from to` or by the state that they lead to
 */
export function diagram({ StartAt, States }: Machine, labels: Readonly<Record<string, string>> = LABELS): string {
  const lines = ['flowchart TD', `  start((start)) --> ${StartAt}`];
  for (const [name, state] of Object.entries(States)) lines.push(...node(name, state), ...arrows(name, state, labels));
  return lines.join('\n');
}

function node(name: string, { Type }: Drawn): string[] {
  switch (Type) {
    case 'Choice':
      return [`  ${name}{${name}}`];
    case 'Succeed':
    case 'Fail':
      return [`  ${name}([${name}])`];
    default:
      return [`  ${name}[${name}]`];
  }
}

function arrows(name: string, state: Drawn, labels: Readonly<Record<string, string>>): string[] {
  const label = (to: string) => labels[`${name} ${to}`] ?? labels[to] ?? '';
  return [
    ...(state.Next ? [`  ${name} --> ${state.Next}`] : []),
    ...(state.Catch ?? []).map(
      ({ ErrorEquals, Next }) =>
        `  ${name} -. ${ErrorEquals[0] !== 'States.ALL' ? ErrorEquals.join(', ') : name === 'EC2Stopper' ? 'cannot clean up' : 'any error'} .-> ${Next}`,
    ),
    ...(state.Choices ?? []).map((choice) => `  ${name} -- ${label(String(choice.Next))} --> ${choice.Next}`),
    ...(state.Default ? [`  ${name} -- ${label(state.Default)} --> ${state.Default}`] : []),
  ];
}

const LABELS: Readonly<Record<string, string>> = {
  AwaitRetry: '"failed, attempts left, with a wait"',
  NextAttempt: '"failed, attempts left, may be retried"',
  Failed: 'failed',
  Succeeded: 'succeeded',
  Stopped: '"too many failed"',
  Done: '"all have ended"',
  NameTaken: '"began before the submission"',
  Found: 'succeeded',
  Await: '"still runs"',
};

/** The rows of a table of retries. */
export function retries(name: string, { Retry = [] }: Pick<Drawn, 'Retry'>): string[] {
  return Retry.filter(({ MaxAttempts }) => MaxAttempts > 0).map(
    ({ ErrorEquals, IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds, MaxAttempts }) =>
      `| ${name} | ${ErrorEquals.length > 4 ? `${ErrorEquals.slice(0, 3).join(', ')} and ${ErrorEquals.length - 3} more` : ErrorEquals.join(', ')} | ${IntervalSeconds} s | ${BackoffRate} | ${MaxDelaySeconds ? `${MaxDelaySeconds} s` : ''} | ${MaxAttempts} times |`,
  );
}
