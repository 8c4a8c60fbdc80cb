import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateStateMachineCommand,
  DeleteStateMachineCommand,
  DescribeExecutionCommand,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { type Moto, motoClients, startMoto } from '../support/moto';
import { MACHINES, type SmallMachine } from '../support/states-machines';
import { describeWith } from '../support/tools';

/** The machines of the unit tests, run by another interpreter than ours. Neither of the two is AWS's. */
describeWith(['moto_server'], "The small machines on moto's Step Functions", () => {
  let moto: Moto;
  let sfn: SFNClient;

  beforeAll(async () => {
    moto = await startMoto({}, undefined, true);
    ({ sfn } = motoClients(moto.endpoint));
  });
  afterAll(() => moto.stop());

  async function run({ definition, input = {} }: SmallMachine) {
    const { stateMachineArn } = await sfn.send(
      new CreateStateMachineCommand({
        name: 'small',
        definition: JSON.stringify(definition),
        roleArn: 'arn:aws:iam::123456789012:role/small',
      }),
    );
    const { executionArn } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
    );
    for (;;) {
      const { status, output, error, cause } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      if (status !== 'RUNNING') {
        // To start an execution, moto copies what there is, and it cannot copy an execution.
        await sfn.send(new DeleteStateMachineCommand({ stateMachineArn }));
      }
      if (status === 'SUCCEEDED') return { output: JSON.parse(output ?? 'null') };
      if (status !== 'RUNNING') return { error, cause };
      await sleep(50);
    }
  }

  const same = MACHINES.filter(({ motoDiffers }) => motoDiffers === undefined);
  it.each(same.map((machine) => [machine.feature, machine] as const))('%s', async (_, machine) => {
    const end = await run(machine);
    if ('output' in machine.expected) expect(end).toEqual(machine.expected);
    else expect(end).toMatchObject(machine.expected);
  });

  const others = MACHINES.filter(({ motoDiffers }) => motoDiffers !== undefined);
  it.each(others.map((machine) => [machine.feature, machine.motoDiffers, machine] as const))(
    '%s: moto comes to something else, %s',
    async (_, _reason, machine) => {
      // Otherwise the machine belongs to the others.
      const end = await run(machine).catch((error: Error) => ({ refused: error.name }));
      expect(end).not.toMatchObject(machine.expected);
    },
  );
});
