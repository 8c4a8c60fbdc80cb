import type { Instance } from '@aws-sdk/client-ec2';
import { registeredToken, tagOf } from '../../lambdas/datastream/instance';
import { AttemptState, CommandedState, NextAttempt, StopperState } from '../../lambdas/datastream/state';
import { Tag } from '../../lambdas/datastream/tags';
import { CODE } from '../../local/cloud';
import { EXECUTION, testCloud } from '../support/cloud';
import { FIRST_CODE, FIRST_DEFINITION } from '../support/first-deployment';
import { begin, executionFile, healthyJob } from '../support/scenario';
import { upgradePoints } from './matrix';
import { perform, undisturbed } from './run';
import { UPGRADED } from './scenarios';

describe('An execution that began under the first deployment', () => {
  it.each(UPGRADED)('ends as it would have, whenever it is upgraded: %s', async (scenario) => {
    expect((await undisturbed(scenario, true)).broken).toEqual([]);
    const points = await upgradePoints(scenario);
    expect(points.length).toBeGreaterThan(2);

    for (const { at } of points) {
      const { met, broken } = await perform({ scenario, disturbances: [{ at, effect: 'upgraded' }] });
      expect([at, broken]).toEqual([at, []]);
      expect(met.find((point) => point.at === at)?.effects).toEqual(['upgraded']);
    }
  });

  it('calls the functions of the deployment that came last, for it names no version', async () => {
    const called: string[] = [];
    const live = await begin({ deployment: { code: FIRST_CODE, machine: FIRST_DEFINITION }, job: healthyJob });
    live.cloud.clock.after(200_000, () =>
      live.cloud.deploy({
        ...CODE,
        createChecker: (...args) => {
          called.push('checker');
          return CODE.createChecker(...args);
        },
      }),
    );

    expect((await live.finish()).end.status).toBe('SUCCEEDED');
    expect(called).toEqual(['checker']);
  });
});

/** What outlives a deployment is read by the next one: to add something required to it breaks the jobs that run. */
describe('What the first deployment has left', () => {
  it("is read as the machine's state by every function of this one", async () => {
    const { start, call } = testCloud({ code: FIRST_CODE });

    const started = await start();
    const commanded = await call('commander', { execution: EXECUTION, state: started });
    const failed = { ...commanded, error: { Error: 'InstanceLost', Cause: 'It ended.' } };
    const file = executionFile({ n_retries_allowed: 1 });
    const again = await call('stopper', {
      execution: EXECUTION,
      state: { ...failed, attempts: 2 },
    });
    const { attempt, errors } = again.next as { attempt: number; errors: unknown };

    expect(() => AttemptState.parse(started)).not.toThrow();
    expect(() => CommandedState.parse(commanded)).not.toThrow();
    expect(StopperState.parse({ ...commanded, result: {}, object: {} })).toMatchObject({ succeeded: true });
    expect(StopperState.parse(failed)).toMatchObject({ succeeded: false, error: failed.error });
    expect(NextAttempt.parse({ attempt, errors, input: file })).toMatchObject({ attempt: 2 });
  });

  it('is found on its instances by the tags of this one, and the task token in them', async () => {
    const { cloud, start, call, instances } = testCloud({ code: FIRST_CODE });
    const commanded = await call('commander', { execution: EXECUTION, state: await start() });
    const { token } = cloud.sfn.waitForTaskToken();
    await call('poller', { execution: EXECUTION, state: commanded, token });

    const instance = instances()[0]?.api as Instance;

    const known = Object.fromEntries(Object.entries(Tag).map(([name, key]) => [name, tagOf(instance, key)]));
    expect(known).toMatchObject({
      stateMachine: cloud.stateMachineArn,
      execution: EXECUTION,
      attempt: '1',
      timeout: '3600',
      end: 'terminate',
      command: commanded.command_id,
    });
    expect(registeredToken(instance)).toBe(token);
  });

  it('is completed by the relay of this one', async () => {
    const { cloud, clock, start, call } = testCloud({ code: FIRST_CODE });
    const commanded = await call('commander', { execution: EXECUTION, state: await start() });
    const task = cloud.sfn.waitForTaskToken();
    await call('poller', { execution: EXECUTION, state: commanded, token: task.token });

    cloud.deploy(CODE);

    expect(await clock.run(task.result)).toMatchObject({ exit_code: 0, stdout: 'done' });
  });

  it('is ended by the reaper of this one', async () => {
    const { cloud, start, call, wait, instances } = testCloud({ code: FIRST_CODE });
    await start();
    cloud.deploy(CODE);
    cloud.sfn.note(EXECUTION, 'ABORTED');

    await call('reaper', { detail: { executionArn: EXECUTION, status: 'ABORTED' } });
    await wait(60_000);

    expect(instances().map(({ api }) => api.State.Name)).toEqual(['terminated']);
  });
});

describe('An execution of this deployment', () => {
  it('goes on with its own functions when the next one cannot read its state', async () => {
    const points = (await undisturbed('second attempt')).met.filter(({ operation }) => operation === 'Invoke');
    expect(points.length).toBeGreaterThanOrEqual(9);

    for (const { at } of points) {
      const { end, broken } = await perform({ scenario: 'second attempt', disturbances: [{ at, effect: 'deployed' }] });
      expect([at, end.status, broken]).toEqual([at, 'SUCCEEDED', []]);
    }
  });
});
