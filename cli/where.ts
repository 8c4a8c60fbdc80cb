import { awsSentence } from '../packer/aws-errors';
import type { DeployedExecutions } from './aws/executions';
import type { Executions } from './executions';
import { localExecutions } from './local-executions';
import { type Output, wrap } from './output/wrap';

/** Which executions a command is about. */
export interface WhereOptions {
  /** The state machine; default: DATASTREAM_ARN, then Terraform's state in this folder. */
  readonly arn?: string;
  /** Those of the embedded cloud. */
  readonly local?: boolean;
  /** The folder of the embedded cloud. */
  readonly folder: string;
}

/**
 * Acts on the executions that are meant; every error of AWS becomes one sentence.
 *
 * @returns the exit code of the action; 2 where it is not known which state machine is meant, 5 where AWS cannot be asked
 */
export async function withExecutions(
  options: WhereOptions,
  err: Output,
  act: (executions: Executions) => Promise<number>,
): Promise<number> {
  return options.local ? act(localExecutions(options.folder)) : withDeployed(options, err, act);
}

/**
 * Acts on the executions of the deployed state machine.
 *
 * @param act also gets the names of all functions, where Terraform's state in this folder has them
 * @returns as `withExecutions`
 */
export async function withDeployed(
  { arn }: Pick<WhereOptions, 'arn'>,
  err: Output,
  act: (executions: DeployedExecutions, functions: readonly string[]) => Promise<number>,
): Promise<number> {
  // Loaded here, because they load the AWS clients.
  const { deployed } = require('./aws/deployment') as typeof import('./aws/deployment');
  const { clientsOf, deployedExecutions } = require('./aws/executions') as typeof import('./aws/executions');
  const machine = deployed(arn);
  if ('error' in machine) {
    err.write(wrap(`${machine.error} To see the jobs of this computer, say '--local'.\n`, err));
    return 2;
  }
  try {
    return await act(deployedExecutions(machine.arn, clientsOf(machine.region)), machine.functions);
  } catch (error) {
    err.write(wrap(`${machineSentence(error, machine.arn, machine.region)}\n`, err));
    return 5;
  }
}

/** Says what to do about an error of a call that is about a state machine. */
export function machineSentence(error: unknown, arn: string, region: string): string {
  if (['StateMachineDoesNotExist', 'InvalidArn'].includes((error as Error).name)) {
    return `There is no state machine ${arn} in ${region} for these credentials: write the ARN that 'terraform output datastream_arn' prints, or use the credentials of its account.`;
  }
  return awsSentence(error, region);
}

/** The options that name the same place again, for a command that a user copies. */
export function again({ arn, local, folder = '.datastream' }: Partial<WhereOptions>): string {
  const where = local ? ' --local' : arn === undefined ? '' : ` --arn ${arn}`;
  return local && folder !== '.datastream' ? `${where} --folder ${folder}` : where;
}
