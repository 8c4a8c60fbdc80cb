import { readable, resources, type Synthesised, synthesise } from '../../support/stack';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

const stack = synthesise({ smName: 'machine' });

/** A resource type's members in readable form, by their place in the tree. */
function read(from: Synthesised, type: string) {
  return JSON.parse(readable(JSON.stringify(resources(from, type))));
}

test('relay and reaper hear of these events and of no other', () => {
  const patterns = Object.fromEntries(
    Object.entries<{ event_pattern: string }>(read(stack, 'aws_cloudwatch_event_rule')).map(([id, rule]) => [
      id,
      JSON.parse(rule.event_pattern),
    ]),
  );

  expect(patterns).toEqual({
    'relay_command-ended_rule': {
      source: ['aws.ssm'],
      'detail-type': ['EC2 Command Invocation Status-change Notification'],
      detail: { 'document-name': ['AWS-RunShellScript'], status: ['Success', 'Failed', 'TimedOut', 'Cancelled'] },
    },
    'relay_instance-ended_rule': {
      source: ['aws.ec2'],
      'detail-type': ['EC2 Instance State-change Notification'],
      detail: { state: ['stopping', 'stopped', 'shutting-down', 'terminated'] },
    },
    'relay_spot-interrupted_rule': {
      source: ['aws.ec2'],
      'detail-type': ['EC2 Spot Instance Interruption Warning'],
    },
    'reaper_execution-ended_rule': {
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: {
        stateMachineArn: ['arn:aws:states:REGION:ACCOUNT:stateMachine:machine'],
        status: ['ABORTED', 'TIMED_OUT', 'FAILED'],
      },
    },
  });
});

test.each([
  ['relay_command-ended', 'relay'],
  ['relay_instance-ended', 'relay'],
  ['relay_spot-interrupted', 'relay'],
  ['reaper_execution-ended', 'reaper'],
])('the rule %s calls %s, which lets this rule alone call it', (rule, name) => {
  expect(read(stack, 'aws_cloudwatch_event_target')[`${rule}_target`]).toMatchObject({
    rule: `<${rule}_rule.name>`,
    arn: `<${name}_function.arn>`,
  });
  expect(read(stack, 'aws_lambda_permission')[`${rule}_permission`]).toMatchObject({
    function_name: `<${name}_function.function_name>`,
    action: 'lambda:InvokeFunction',
    principal: 'events.amazonaws.com',
    source_arn: `<${rule}_rule.arn>`,
  });
});

test('the reaper is called every 10 minutes', () => {
  expect(Object.values(read(stack, 'aws_scheduler_schedule'))).toEqual([
    {
      name: 'machine_reaper',
      group_name: '<reaper_schedules.name>',
      description: 'Looks for instances whose execution no longer runs.',
      schedule_expression: 'rate(10 minutes)',
      flexible_time_window: { mode: 'OFF' },
      target: { arn: '<reaper_function.arn>', role_arn: '<reaper_scheduler-role.arn>' },
      depends_on: [expect.stringMatching(/^aws_iam_role_policy\./)],
    },
  ]);
});
