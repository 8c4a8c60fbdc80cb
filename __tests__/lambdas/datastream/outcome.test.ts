import { outcomeOf, settle } from '../../../lambdas/datastream/outcome';

const invocation = (StatusDetails: string, rest: object = {}) => ({
  $metadata: {},
  CommandId: 'c',
  StatusDetails,
  ...rest,
});

describe('The outcome of a command', () => {
  it.each(['Pending', 'InProgress', 'Delayed', 'Cancelling', ''])('is not known while it is %j', (details) => {
    expect(outcomeOf(invocation(details), 600)).toBeUndefined();
  });

  it('is not known while SSM does not show it', () => {
    expect(outcomeOf(undefined, 600)).toBeUndefined();
  });

  it.each([
    ['Failed', 'CommandFailed'],
    ['Execution Timed Out', 'JobTimedOut'],
    ['ExecutionTimedOut', 'JobTimedOut'],
    ['TimedOut', 'JobTimedOut'],
    ['Delivery Timed Out', 'CommandNotDelivered'],
    ['DeliveryTimedOut', 'CommandNotDelivered'],
    ['Undeliverable', 'CommandNotDelivered'],
    ['Terminated', 'CommandNotDelivered'],
    ['Cancelled', 'CommandCancelled'],
    ['Canceled', 'CommandCancelled'],
    // Status where StatusDetails is of a kind that nobody has heard of.
    ['Failed', 'CommandFailed', 'RateExceeded'],
  ])('of %j is %s', (status, error, details = status) => {
    expect(outcomeOf(invocation(details, { Status: status }), 600)).toMatchObject({ error });
  });

  it.each([
    ['TimedOut', 'oh'],
    ['Failed', 'oh\ndatastream: the commands were ended after 600 s\n'],
  ])('names timeout_s where it was too short: %s', (details, StandardErrorContent) => {
    const { cause } = outcomeOf(invocation(details, { StandardErrorContent }), 600) as { cause: string };

    expect(cause).toMatch(/^The job ran longer than run_options\.timeout_s \(600 s\), .* Raise timeout_s/);
    expect(cause).toContain('End of standard error:\noh');
  });

  it('says so without its value where the instance has lost its tag', () => {
    expect(outcomeOf(invocation('TimedOut'), undefined)).toMatchObject({
      cause: expect.stringMatching(/timeout_s, which/),
    });
  });

  it('is its result when it succeeded', () => {
    expect(
      outcomeOf(
        invocation('Success', {
          ResponseCode: 0,
          StandardOutputContent: 'a'.repeat(24_000),
          ExecutionEndDateTime: 'then',
        }),
        600,
      ),
    ).toEqual({ result: { command_id: 'c', exit_code: 0, stdout: 'a'.repeat(8000), stderr: '', ended_at: 'then' } });
  });

  it('says the exit code where the script could not say which command it was', () => {
    expect(outcomeOf(invocation('Failed', { ResponseCode: 9, StandardErrorContent: 'oh' }), 600)).toEqual({
      error: 'CommandFailed',
      cause: 'A command exited with code 9.\nEnd of standard error:\noh',
    });
  });
});

describe('Settling a task', () => {
  it('tells the number of the command that failed in a field of its own', async () => {
    const sent: unknown[] = [];
    const sfn = { send: async (command: { input: unknown }) => sent.push(command.input) } as unknown as Parameters<
      typeof settle
    >[0];
    const StandardErrorContent = 'datastream: command 2 of 3 exited with code 7\n';

    const failed = outcomeOf(invocation('Failed', { StandardErrorContent }), 600);

    expect(failed).toMatchObject({ cause: 'Command 2 of 3 exited with code 7.', command: 2 });
    if (failed) await settle(sfn, 'token', failed);
    expect(sent).toEqual([
      {
        taskToken: 'token',
        error: 'CommandFailed',
        cause: '{"errorMessage":"Command 2 of 3 exited with code 7.","command":2}',
      },
    ]);
  });

  const sfn = (name: string) =>
    ({ send: () => Promise.reject(Object.assign(new Error(name), { name })) }) as Parameters<typeof settle>[0];

  it.each(['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'])(
    'changes nothing when nobody waits any more: %s',
    async (name) => {
      await expect(settle(sfn(name), 'token', { error: 'InstanceLost', cause: '' })).resolves.toBe(false);
    },
  );

  it('throws any other error, so that it is tried again', async () => {
    await expect(settle(sfn('ThrottlingException'), 'token', { error: 'InstanceLost', cause: '' })).rejects.toThrow(
      'ThrottlingException',
    );
  });
});
