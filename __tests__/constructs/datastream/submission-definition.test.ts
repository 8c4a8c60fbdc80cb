import validate from 'asl-validator';
import type { State } from '../../../constructs/aws/states-language';
import { definition } from '../../../constructs/datastream/definition';
import { MACHINE_FUNCTIONS } from '../../../constructs/datastream/functions';
import { placesOf, submissionDefinition } from '../../../constructs/datastream/submission-definition';

const stateMachineArn = 'arn:aws:states:us-east-1:123456789012:stateMachine:machine';
const resultsArn = 'arn:aws:lambda:us-east-1:123456789012:function:results:3';
const machine = submissionDefinition({ stateMachineArn, resultsArn, bucket: 'submissions-bucket' });
const { Jobs } = machine.States;
const child = Jobs.ItemProcessor.States;

/** The states that may come after one. */
const next = ({ Next, Default, Catch = [], Choices = [] }: State) =>
  [Next, Default, ...Catch.map((each) => each.Next), ...Choices.map((each) => String(each.Next))].filter(Boolean);

test('is valid Amazon States Language', () => {
  const { isValid, errorsText } = validate(machine);

  expect([isValid, isValid || errorsText()]).toEqual([true, true]);
});

test.each([
  ['the machine', machine.StartAt, machine.States],
  ['its child', Jobs.ItemProcessor.StartAt, child],
])('every state of %s is reached, and leads to one that is there', (_, start, states) => {
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const each of next(states[name] as State)) visit(each as string);
  };
  visit(start);

  expect([...seen].sort()).toEqual(Object.keys(states).sort());
});

test('reads its items and writes its results below the submission alone', () => {
  expect([Jobs.ItemReader.Parameters, Jobs.ResultWriter.Parameters]).toEqual([
    { Bucket: 'submissions-bucket', 'Key.$': "States.Format('submissions/{}/items.json', $.id)" },
    { Bucket: 'submissions-bucket', 'Prefix.$': "States.Format('submissions/{}/map', $.id)" },
  ]);
});

test('starts each job once: a name that is taken is never retried, and every other failure is', () => {
  const [taken, rest] = child.Start?.Retry ?? [];

  expect(taken).toEqual({
    ErrorEquals: ['StepFunctions.ExecutionAlreadyExistsException', 'StepFunctions.ExecutionAlreadyExists'],
    MaxAttempts: 0,
  });
  expect(rest?.ErrorEquals).toEqual(['States.ALL']);
  expect(child.Start?.Parameters).toEqual({
    StateMachineArn: stateMachineArn,
    'Name.$': '$.name',
    'Input.$': '$.input',
  });
});

test('lets a job run as long as it may: its start has no time-out', () => {
  expect(Object.keys(child.Start ?? {}).filter((key) => key.startsWith('Timeout'))).toEqual([]);
});

test('asks of the job that it has started, in every partition', () => {
  const govcloud = submissionDefinition({
    stateMachineArn: stateMachineArn.replace('arn:aws:', 'arn:aws-us-gov:'),
    resultsArn,
    bucket: 'b',
    partition: 'aws-us-gov',
  });
  const { Start, Look } = govcloud.States.Jobs.ItemProcessor.States;

  expect(Look?.Parameters).toEqual({
    'ExecutionArn.$': "States.Format('arn:aws-us-gov:states:us-east-1:123456789012:execution:machine:{}', $.name)",
  });
  expect([Start?.Resource, Look?.Resource]).toEqual([
    'arn:aws-us-gov:states:::states:startExecution.sync:2',
    'arn:aws-us-gov:states:::aws-sdk:sfn:describeExecution',
  ]);
});

describe('where a machine has its submissions', () => {
  test('is read from its definition', () => {
    expect(placesOf(JSON.stringify(machine))).toEqual({ bucket: 'submissions-bucket', stateMachineArn });
  });

  test('is nowhere for another machine', () => {
    const functions = Object.fromEntries(MACHINE_FUNCTIONS.map((name) => [name, name])) as never;

    expect(placesOf(JSON.stringify(definition(functions)))).toBeUndefined();
  });
});
