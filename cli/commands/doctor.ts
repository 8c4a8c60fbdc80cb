import type { Matrix } from '../../executions/matrix/expand';
import { awsSentence } from '../../packer/aws-errors';
import { deployed } from '../aws/deployment';
import {
  checkClock,
  checkCostTag,
  checkDeadLetters,
  checkIdentity,
  checkLeftovers,
  checkMachine,
  checkRights,
  doctorClients,
  identityOf,
} from '../aws/doctor';
import { checkBuckets, checkImages, checkQuotas, checkSchedules } from '../aws/doctor-matrix';
import { findSchedules, type LineSchedule } from '../aws/schedules';
import { checkLocal } from '../local-doctor';
import { deployedMatrixFile, type MatrixOptions, usableMatrix } from '../matrix-file';
import { type Finding, printFindings } from '../output/findings';
import { type Output, wrap } from '../output/wrap';
import { again, machineSentence, type WhereOptions } from '../where';

export interface DoctorOptions extends WhereOptions, Pick<MatrixOptions, 'tfvars'> {
  readonly json?: boolean;
}

/**
 * Looks at everything that jobs need, and says of each thing that is wrong which command mends it. Each check stands for
 * itself: one that cannot be made is told as unknown, and the others go on.
 *
 * @param file the matrix; default: the one that cdktf.json names
 * @returns the exit code: 0, warnings and unknown things included; 1 where something has failed; 2 where the matrix cannot
 * be read or it is not known which machine is meant; 5 where AWS does not take the credentials or does not answer
 */
export async function doctor(
  file: string | undefined,
  options: DoctorOptions,
  out: Output,
  err: Output,
): Promise<number> {
  if (options.local) return show(checkLocal(options.folder), options, out);
  const machine = deployed(options.arn);
  if ('error' in machine) {
    err.write(wrap(`${machine.error} To look at this computer, say '--local'.\n`, err));
    return 2;
  }
  const { arn, region } = machine;
  const named = file ?? deployedMatrixFile();
  const matrix = named === undefined ? undefined : await usableMatrix(named, { ...options, region }, err);
  if (typeof matrix === 'number') return matrix;
  const clients = doctorClients(region);
  try {
    const identity = await identityOf(clients);
    const now = new Date();
    const schedules = findSchedules(clients.scheduler, arn);
    const checked = (check: string, findings: () => Finding[] | Promise<Finding[]>) => guarded(check, region, findings);
    const groups = await Promise.all([
      checkIdentity(identity, arn),
      checkClock(clients.awsTime(), now),
      machineFindings(() => checkMachine(clients, arn), arn, region),
      checked('rights', () => checkRights(clients, identity, arn)),
      checked('schedules', async () => schedulesFindings(matrix, await schedules, again(options))),
      checked('dead-letters', async () => checkDeadLetters(clients, await schedules)),
      ...(matrix
        ? [
            checked('quotas', () => checkQuotas(clients, matrix, region)),
            checked('images', () => checkImages(clients, matrix, region)),
            checked('buckets', () => checkBuckets(clients, matrix, region)),
          ]
        : []),
      checked('leftovers', () => checkLeftovers(clients, arn, now)),
      checked('cost-tag', () => checkCostTag(clients)),
    ]);
    return show(groups.flat(), options, out);
  } catch (error) {
    err.write(wrap(`${awsSentence(error, region)}\n`, err));
    return 5;
  }
}

/** A check that cannot be made is unknown, never good. */
async function guarded(
  check: string,
  region: string,
  findings: () => Finding[] | Promise<Finding[]>,
): Promise<Finding[]> {
  try {
    return await findings();
  } catch (error) {
    return [{ check, severity: 'unknown', text: awsSentence(error, region) }];
  }
}

/** A machine that is not there is no unknown thing. */
async function machineFindings(look: () => Promise<Finding[]>, arn: string, region: string): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    const isGone = ['StateMachineDoesNotExist', 'InvalidArn'].includes((error as Error).name);
    const text = machineSentence(error, arn, region);
    const mend = 'terraform -chdir=cdktf.out/stacks/datastream output -raw datastream_arn';
    return [{ check: 'machine', severity: isGone ? 'fail' : 'unknown', text, ...(isGone && { mend }) }];
  }
}

function schedulesFindings(matrix: Matrix | undefined, schedules: readonly LineSchedule[], where: string): Finding[] {
  if (matrix) return checkSchedules(matrix, schedules, where);
  const text =
    schedules.length === 0
      ? 'There are none: no matrix is deployed.'
      : 'Name the matrix that is deployed, so that schedules, quotas, images and buckets can be compared with it.';
  return schedules.length === 0
    ? [{ check: 'schedules', severity: 'ok', text }]
    : [{ check: 'schedules', severity: 'unknown', text, mend: `datastream doctor MATRIX${where}` }];
}

function show(findings: readonly Finding[], { json }: DoctorOptions, out: Output): number {
  if (json) {
    const rows = findings.map(({ mend, ...finding }) => ({ ...finding, mend: mend ?? null }));
    out.write(`${JSON.stringify({ findings: rows }, null, 2)}\n`);
  } else printFindings(findings, out);
  return findings.some(({ severity }) => severity === 'fail') ? 1 : 0;
}
