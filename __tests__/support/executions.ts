import type { Execution, ParseOptions } from '../../executions/model';
import { parseExecution } from '../../executions/parse';
import type { Problem } from '../../files/problems';

/** An execution file as a plain object, which a test may change. */
export type ExecutionFile = Record<string, unknown>;

/** Removes the members that a test has set to `undefined`. */
const asJson = (file: ExecutionFile): ExecutionFile => JSON.parse(JSON.stringify(file));

const IMAGE = 'ami-0123456789abcdef0';

/** The first dialect, February to June 2024: no run_options, the object to check at the top level. */
export function seedFile(changes: ExecutionFile = {}): ExecutionFile {
  return {
    instance_parameters: {
      ImageId: IMAGE,
      InstanceType: 't4g.xlarge',
      KeyName: 'team',
      MinCount: 1,
      MaxCount: 1,
      SecurityGroupIds: ['sg-0123456789abcdef0'],
      IamInstanceProfile: { Name: 'job-profile' },
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'job' }] }],
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 32, VolumeType: 'gp2' } }],
    },
    region: 'us-east-2',
    commands: [
      "runuser -l ec2-user -c 'mount-s3 job-bucket /home/ec2-user/mount'",
      "runuser -l ec2-user -c './scripts/stream.sh -s 202404250100 -e 202404260000 -S /home/ec2-user/mount -o /demo -n 8'",
    ],
    bucket: 'job-bucket',
    obj_key: 'demo/ngen-run.tar.gz',
    ...changes,
  };
}

/** August 2024: commands, and the first run_options with their first names. */
export function august2024File(changes: ExecutionFile = {}): ExecutionFile {
  return {
    commands: ["runuser -l ec2-user -c 'ls -la'"],
    run_options: { ii_detach_volume: false, check_s3: false },
    instance_parameters: { ImageId: IMAGE, InstanceType: 't4g.large', MetadataOptions: { HttpTokens: 'required' } },
    ...changes,
  };
}

/** August 2024: the datastream script's arguments by name, without a realization. */
export function optionsFile(changes: ExecutionFile = {}, options: ExecutionFile = {}): ExecutionFile {
  return asJson({
    datastream_command_options: {
      start_time: '202006200100',
      end_time: '202006210000',
      forcing_source: 'NWM_RETRO_V3',
      nprocs: '4',
      subset_id_type: 'hl',
      subset_id: 'Gages-09106150',
      hydrofabric_version: '2.1.1',
      s3_bucket: 'job-bucket',
      object_prefix: 'cloud_test',
      ...options,
    },
    run_options: { ii_detach_volume: false, ii_check_s3: true },
    instance_parameters: { ImageId: IMAGE, InstanceType: 't4g.xlarge' },
    ...changes,
  });
}

/** November 2024: general purpose, with timeout_s and ii_terminate_instance. */
export function november2024File(changes: ExecutionFile = {}): ExecutionFile {
  return asJson({
    commands: ["runuser -l ec2-user -c 'ls -la'"],
    run_options: { ii_delete_volume: false, ii_terminate_instance: true, ii_check_s3: false, timeout_s: 1800 },
    instance_parameters: { ImageId: IMAGE, InstanceType: 't4g.large' },
    ...changes,
  });
}

/** August 2025: retries and spot instances. The file also contains the state of an earlier run. */
export function august2025File(changes: ExecutionFile = {}): ExecutionFile {
  return {
    commands: ["runuser -l ec2-user -c 'ls -la'"],
    run_options: { ii_terminate_instance: true, ii_check_s3: false, n_retries_allowed: 2, ii_cheapo: true },
    instance_parameters: {
      ImageId: IMAGE,
      InstanceType: 'm8g.xlarge',
      InstanceId: 'i-0123456789abcdef0',
      InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { MaxPrice: '0.1795', SpotInstanceType: 'one-time' } },
    },
    t0: 1755000000.25,
    retry_attempt: 1,
    command_id: '11111111-2222-3333-4444-555555555555',
    ii_pass: true,
    ii_s3_object_checked: false,
    volume_id: 'vol-0123456789abcdef0',
    failedInput: {},
    wait_seconds: 5,
    statusCode: 200,
    duration: 12,
    auto_retry_count: 0,
    error: { Error: 'States.TaskFailed' },
    ...changes,
  };
}

/** September 2025: the object to check has its whole key. */
export function september2025File(changes: ExecutionFile = {}): ExecutionFile {
  return november2024File({
    run_options: { ii_terminate_instance: true, ii_check_s3: { bucket: 'job-bucket', prefix: 'out/table.csv' } },
    ...changes,
  });
}

/** 2026: DAILY in the command; no key pair, security group or profile. */
export function file2026(changes: ExecutionFile = {}): ExecutionFile {
  return {
    commands: [
      "runuser -l ec2-user -c '/home/ec2-user/datastreamcli/scripts/datastream -s DAILY -n 3 -F s3://job-bucket/ngen.DAILY/forcing_short_range/15/ngen.t15z.short_range.nc --FORCING_SOURCE NWM_V3_SHORT_RANGE_15 --S3_BUCKET job-bucket --S3_PREFIX out/ngen.DAILY/15'",
    ],
    run_options: { ii_terminate_instance: true, ii_delete_volume: true, ii_check_s3: true, n_retries_allowed: 2 },
    instance_parameters: { ImageId: IMAGE, InstanceType: 'm8g.xlarge' },
    ...changes,
  };
}

/** Every dialect by its date. None has a problem. */
export const DIALECTS: Readonly<Record<string, () => ExecutionFile>> = {
  'February to June 2024': seedFile,
  'August 2024': august2024File,
  'August 2024 with options': optionsFile,
  'November 2024': november2024File,
  'August 2025': august2025File,
  'September 2025': september2025File,
  '2026': file2026,
};

/** A file with other members in its instance_parameters. A member that is undefined is removed. */
export function withParameters(changes: ExecutionFile): ExecutionFile {
  return november2024File({
    instance_parameters: { ImageId: IMAGE, InstanceType: 't4g.large', ...changes },
  });
}

/** A file with other run_options. */
export function withRunOptions(run_options: unknown, changes: ExecutionFile = {}): ExecutionFile {
  return november2024File({ run_options, ...changes });
}

/** A file that runs these commands. */
export function withCommands(...commands: unknown[]): ExecutionFile {
  return november2024File({ commands });
}

/** The problems of a file. */
export function problemsOf(file: unknown, options?: ParseOptions): readonly Problem[] {
  return parseExecution(file, options).problems;
}

/** The execution of a file. @throws Error if the file has an error */
export function executionOf(file: unknown, options?: ParseOptions): Execution {
  const { execution, problems } = parseExecution(file, options);
  if (!execution) throw new Error(`The file has errors: ${JSON.stringify(problems)}`);
  return execution;
}
