import { collectProblems, type Problems } from '../files/problems';
import { isRecord, member, text, utf8Bytes } from '../files/values';
import { readCommands } from './checks/commands';
import { checkInstanceParameters } from './checks/instance-parameters';
import { checkInstanceTypes } from './checks/instance-types';
import { readRunOptions } from './checks/run-options';
import { folderOf, objectToCheck, outputOf } from './checks/s3-objects';
import { checkStructure } from './checks/structure';
import { readWaitInputs } from './checks/wait-inputs';
import { readDatastreamOptions } from './datastream-command/options';
import type { Execution, InstanceEnd, ParseOptions, ParseResult } from './model';
import { REGION, unknownRegion } from './region';

type File = Readonly<Record<string, unknown>>;

/**
 * Step Functions accepts 262,144 bytes of UTF-8 as a state's input or output ("Service quotas", 256 KiB). 40,000 are
 * reserved for what the state machine adds to the file: ARNs, the task token, earlier errors, an error's Cause, the
 * job's output.
 */
export const LARGEST_FILE_BYTES = 262_144 - 40_000;

/**
 * Reads an execution file of any dialect into the one model.
 * It finds all problems at once, in the order of the values in the file. It never throws.
 *
 * @param file the file's content, parsed from JSON
 * @param options facts that are not in the file, such as the state machine's region and the AMI's architecture
 */
export function parseExecution(file: unknown, options: ParseOptions = {}): ParseResult {
  const problems = collectProblems();
  const bytes = bytesOf(file);
  if (bytes === undefined) {
    problems.error([], 'This is no JSON value, or it is nested too deeply: write one JSON object, { ... }.');
    return { problems: problems.inFileOrder(undefined) };
  }
  if (bytes > LARGEST_FILE_BYTES) {
    problems.error(
      [],
      `These are ${bytes} bytes: at most ${LARGEST_FILE_BYTES} are possible, since Step Functions takes 262144 with what the state machine adds; move long scripts into the AMI or into S3.`,
    );
  }
  if (!isRecord(file)) {
    problems.error([], 'An execution file is one JSON object: write { ... }.', file);
    return { problems: problems.inFileOrder(file) };
  }
  const execution = read(file, options, problems);
  const found = problems.inFileOrder(file);
  return problems.hasErrors() || !execution ? { problems: found } : { execution, problems: found };
}

/** The size as Step Functions counts it; undefined if the value cannot be written as JSON. */
function bytesOf(file: unknown): number | undefined {
  try {
    const json = JSON.stringify(file);
    return json === undefined ? undefined : utf8Bytes(json);
  } catch {
    return undefined; // Cycles, BigInt and several thousand levels.
  }
}

/** @returns undefined only if there is an error */
function read(file: File, options: ParseOptions, problems: Problems): Execution | undefined {
  const structured = checkStructure(file, problems);
  checkInstanceTypes(
    member(file.instance_parameters, 'InstanceType'),
    member(file.run_options, 'ii_instance_types'),
    options,
    problems,
  );
  checkInstanceParameters(file.instance_parameters, options, problems);
  const region = checkRegion(file, options, problems);
  const datastream = readDatastreamOptions(file.datastream_command_options, problems);
  const commands = readCommands(file, datastream, problems);
  const run = readRunOptions(file.run_options, problems);
  const written = outputOf(file, datastream, commands, problems);
  const check_object = objectToCheck(file, run, written, commands, problems);
  const output = written ?? folderOf(check_object);
  const inputs = readWaitInputs(file.run_options, commands, { output, object: check_object }, problems);
  const seedDialect = file.run_options === undefined && file.obj_key !== undefined;
  const withoutOptions = seedDialect ? 'stop' : 'terminate';
  const instance_end = file.run_options === undefined ? withoutOptions : run.instance_end;
  checkSpotEnd(file, instance_end, problems);
  if (!structured) return undefined;
  // The members that the state machine sets itself.
  const {
    MinCount: _min,
    MaxCount: _max,
    ClientToken: _token,
    ...instance_parameters
  } = structured.instance_parameters;
  return {
    commands,
    instance_parameters,
    ...(region !== undefined && { region }),
    ...(check_object && { check_object }),
    ...(output && { output }),
    timeout_s: run.timeout_s,
    n_retries_allowed: run.n_retries_allowed,
    ii_cheapo: run.ii_cheapo,
    ...(run.ii_instance_types && { ii_instance_types: run.ii_instance_types }),
    ...(run.retry_backoff && { retry_backoff: run.retry_backoff }),
    ...(inputs && { ii_wait_inputs: inputs }),
    instance_end,
  };
}

/** EC2 can stop only persistent spot instances, and EC2 would start those again. */
function checkSpotEnd(file: File, end: InstanceEnd, problems: Problems): void {
  const market = member(member(file, 'instance_parameters'), 'InstanceMarketOptions');
  if (end === 'terminate' || member(market, 'MarketType') !== 'spot') return;
  problems.error(
    ['instance_parameters', 'InstanceMarketOptions'],
    'EC2 cannot stop a one-time spot instance: write "ii_terminate_instance": true in run_options, or leave this out.',
    market,
  );
}

function checkRegion(file: File, options: ParseOptions, problems: Problems): string | undefined {
  const region = text(file.region);
  if (region === undefined) return undefined;
  if (!REGION.test(region)) {
    const zone = REGION.test(region.slice(0, -1)) ? ' (this is an availability zone)' : '';
    problems.error(
      ['region'],
      `This is no AWS region${zone}: write one, for example "us-east-1", or leave region out.`,
      region,
    );
  } else if (options.region !== undefined && region !== options.region) {
    problems.error(
      ['region'],
      `The state machine is in ${options.region}: write "${options.region}", leave region out, or start the state machine of ${region}.`,
      region,
    );
  } else {
    const unknown = unknownRegion(region);
    if (unknown !== undefined) problems.warning(['region'], unknown, region);
  }
  return region;
}
