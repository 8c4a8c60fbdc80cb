import { Aspects, Token } from 'cdktf';
import { Construct } from 'constructs';
import { Tag } from '../../lambdas/datastream/tags';
import { Buckets } from '../aws/buckets';
import { CurrentAws } from '../aws/current-aws';
import { derivedName, differentNames } from '../aws/names';
import { checkOneCopy } from '../aws/one-copy';
import { ifEqual, ifSet, orElse } from '../aws/optional';
import { type Check, checkProps, logRetention, requiredText, tagSet, text, texts } from '../aws/rules';
import { Tags } from '../aws/tags';
import { type NamedProperty, SUFFIXES } from './default-names';
import type { DatastreamFunction } from './function';
import type { CoreFunction, FunctionName } from './functions';
import { InstanceProfile } from './instance-profile';
import { InstanceSecurityGroup } from './instance-security-group';
import { JobLog } from './job-log';
import { MachineFunctions } from './machine-functions';
import { type MatrixSource, readMatrix } from './matrix';
import { Monitoring } from './monitoring';
import { Reaper } from './reaper';
import { Relay } from './relay';
import { RULES } from './rules';
import { groupNameOf, reaperRoleName, Schedules } from './schedules';
import { StateMachine } from './state-machine';
import { Submissions } from './submissions';

/**
 * Each property is the Terraform variable of the same name, in camel case. A string may be a Terraform variable. An
 * empty string counts as unset.
 */
export interface DataStreamProps {
  /** The state machine's name: 1 to 80 letters, digits, hyphens and underscores. */
  readonly smName: string;
  /** The prefix of every name that no other property sets. Default: `smName`. */
  readonly resourcePrefix?: string;
  /** The state machine's role. Default: `<resourcePrefix>_sm_role`. */
  readonly smRoleName?: string;
  /** The function that launches the instance. Default: `<resourcePrefix>_start_ec2`. */
  readonly starterLambdaName?: string;
  /** The function that sends the commands. Default: `<resourcePrefix>_ec2_commander`. */
  readonly commanderLambdaName?: string;
  /** The function that polls the commands. Default: `<resourcePrefix>_ec2_command_poller`. */
  readonly pollerLambdaName?: string;
  /** The function that verifies the object. Default: `<resourcePrefix>_s3_object_checker`. */
  readonly checkerLambdaName?: string;
  /** The function that ends the instance. Default: `<resourcePrefix>_ec2_stopper`. */
  readonly stopperLambdaName?: string;
  /** The policy of those five functions' role. Default: `<resourcePrefix>_lambda_policy`. */
  readonly lambdaPolicyName?: string;
  /** The role of those five functions. Default: `<resourcePrefix>_lambda_role`. */
  readonly lambdaRoleName?: string;
  /** The policy of the state machine's role. Default: `<resourcePrefix>_lambda_invoke_policy`. */
  readonly lambdaInvokePolicyName?: string;
  /** The instances' role. Default: `<resourcePrefix>_ec2_role`. */
  readonly ec2Role?: string;
  /** The policy of the instances' role. Default: `<resourcePrefix>_ec2_policy`. */
  readonly ec2PolicyName?: string;
  /** The instances' profile. Default: `<resourcePrefix>_ec2_profile`. */
  readonly profileName?: string;
  /** The only bucket that jobs read and write. Default: every bucket of the account; execution files name theirs. */
  readonly s3Bucket?: string;
  /**
   * Where a job's whole standard output and error are kept. `s3`: beside its stored execution, or in `s3Bucket` if its
   * file names no bucket. `cloudwatch`: there, and while the job runs in a log group of CloudWatch Logs as well, for
   * `datastream logs --follow`. `none`: nowhere. Default: `s3`.
   */
  readonly jobLogs?: string;
  /**
   * The bucket of submissions. With it there is a second state machine, which starts many executions of the first one, so
   * many at once; its objects are below `submissions/`. Default: none, and no such machine.
   */
  readonly submissionsBucket?: string;
  /** The name of the machine of submissions. Default: `<resourcePrefix>_submissions`. */
  readonly submissionsName?: string;
  /** The SSM parameter that execution files may name as `resolve:ssm:<name>`. Default: only AWS's public ones. */
  readonly amiParameterName?: string;
  /** The VPC of the instances' security group. Set it together with `subnetIds`. Default: the region's default VPC. */
  readonly vpcId?: string;
  /**
   * Subnets of that VPC. Each attempt takes another one. Another account may own and share them. Set it together with
   * `vpcId`. Default: EC2 takes one of the default VPC.
   */
  readonly subnetIds?: readonly string[];
  /** The ARN of a managed policy, the permissions boundary of every role. Default: none. */
  readonly permissionsBoundaryArn?: string;
  /** Days that logs are kept, one of `LOG_RETENTION_DAYS`. Default: 30. */
  readonly logRetentionDays?: number;
  /**
   * The schedule matrix whose jobs start every day: a file, relative to the working directory, or the matrix with its
   * templates. Default: none, and no schedules.
   */
  readonly matrix?: string | MatrixSource;
  /**
   * Values of the matrix's variables `environment_suffix`, `<stream>_ami_id` and `*_ami_id`, which reach the planner when
   * it runs. An empty string counts as left out. Default: the matrix's own.
   */
  readonly matrixValues?: Readonly<Record<string, string>>;
  /** The role of the matrix's schedules. Default: `<resourcePrefix>_schedules_role`. */
  readonly schedulerRoleName?: string;
  /** The policy of that role. Default: `<resourcePrefix>_schedules_policy`. */
  readonly schedulerPolicyName?: string;
  /**
   * The group of the matrix's schedules, which the deployment makes. Default, and for `default`, which is AWS's own:
   * `<resourcePrefix>_schedules`.
   */
  readonly scheduleGroupName?: string;
  /** Gets an e-mail for each alarm, and for each line of jobs that fail in an hour. Default: nobody. */
  readonly alarmEmail?: string;
  /** `on`: the alarms and their topic exist without `alarmEmail`, too. Default: only with it. */
  readonly alarms?: string;
  /** So many executions that fail in five minutes are an alarm. Default: 5. */
  readonly alarmFailures?: number;
  /** `on`: a dashboard in CloudWatch, at $3 a month. Default: none. */
  readonly dashboard?: string;
  /** `on`: metrics of the matrix's streams, every hour, at $0.30 a month each. Only with a matrix. Default: none. */
  readonly reporter?: string;
  /** The dollars that the jobs of a day (UTC) may cost. Only with a matrix. Default: no budget. */
  readonly dailyBudgetUsd?: number;
  /** Tags on every resource that can have them, besides `Project` and `datastream:state-machine`. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * A state machine that runs one job on one fresh EC2 instance for each execution, with everything it needs: functions,
 * relay, reaper, roles, logs, and the instances' profile and security group. With a matrix, also its schedules and the
 * planner that they call.
 *
 * @throws SettingsError with every problem of a matrix; Error that names a property whose value AWS would refuse; also if
 * only one of `vpcId` and `subnetIds` is set, or if the App uses another copy of cdktf
 */
export class DataStream extends Construct {
  /** The ARN of the state machine, to start executions. */
  readonly stateMachineArn: string;
  /** The ARN of the submission machine; undefined without `submissionsBucket`, empty if the variable is empty. */
  readonly submissionsArn: string | undefined;
  /** The role that the five functions of the state machine share. */
  readonly lambdaRoleArn: string;
  /** The ARNs of all functions, such as `starter` and `relay`; the planner's only with a matrix. */
  readonly lambdaArns: PerFunction;
  /** The names of all functions in Lambda; the planner's only with a matrix. */
  readonly lambdaFunctionNames: PerFunction;
  /** The profile of instances whose execution file names none. */
  readonly instanceProfileName: string;
  /** The security group of instances whose execution file names none. */
  readonly securityGroupId: string;
  /** The group of the matrix's schedules; undefined without a matrix. */
  readonly scheduleGroupName?: string;
  /** The queue of rounds that could not be started; undefined without a matrix. */
  readonly deadLetterQueueUrl?: string;
  /** The topic of the alarms; undefined where neither `alarms` nor `alarmEmail` is set, empty if the variables are empty. */
  readonly alarmsTopicArn?: string;

  constructor(scope: Construct, id: string, props: DataStreamProps) {
    super(scope, id);
    checkOneCopy(this);
    checkProps('DataStream', props, CHECKS);
    const { permissionsBoundaryArn, smName } = props;
    const namePrefix = orElse(props.resourcePrefix, smName);
    const named = (property: NamedProperty) => orElse(props[property], derivedName(namePrefix, SUFFIXES[property]));
    const logRetentionDays = props.logRetentionDays ?? 30;
    const aws = new CurrentAws(this, 'aws');
    // Not the resource's attribute, which would make a cycle: functions and trust policies need the ARN, and the state
    // machine needs them.
    const stateMachineArn = aws.arn('states', `stateMachine:${smName}`);
    const buckets = new Buckets(aws, props.s3Bucket);

    const functionNames = {
      starter: named('starterLambdaName'),
      commander: named('commanderLambdaName'),
      poller: named('pollerLambdaName'),
      checker: named('checkerLambdaName'),
      stopper: named('stopperLambdaName'),
    };
    const roleNames = {
      machine: named('smRoleName'),
      functions: named('lambdaRoleName'),
      instances: named('ec2Role'),
    };

    const instanceProfile = new InstanceProfile(this, 'instance-profile', {
      profileName: named('profileName'),
      roleName: roleNames.instances,
      policyName: named('ec2PolicyName'),
      permissionsBoundaryArn,
      aws,
      buckets,
    });
    const securityGroup = new InstanceSecurityGroup(this, 'instance-security-group', {
      // A prefix may begin with sg-, and EC2 refuses group names that do.
      groupName: `datastream_${namePrefix}`,
      vpcId: props.vpcId,
      subnetIds: props.subnetIds,
    });
    const jobLogs = orElse(props.jobLogs, 's3');
    const live = ifEqual(props.jobLogs ?? '', 'cloudwatch');
    const jobLog =
      live &&
      new JobLog(this, 'job-log', {
        stateMachineName: smName,
        when: live,
        aws,
        instanceRole: instanceProfile.role,
        logRetentionDays,
      });
    const machineFunctions = new MachineFunctions(this, 'functions', {
      functionNames,
      roleName: roleNames.functions,
      policyName: named('lambdaPolicyName'),
      permissionsBoundaryArn,
      aws,
      stateMachineArn,
      instanceProfile,
      securityGroupId: securityGroup.groupId,
      subnetIds: props.subnetIds,
      buckets,
      amiParameterName: props.amiParameterName,
      jobLogs,
      logBucket: props.s3Bucket ?? '',
      logGroup: jobLog?.groupName ?? '',
      logRetentionDays,
    });
    const stateMachine = new StateMachine(this, 'state-machine', {
      stateMachineName: smName,
      stateMachineArn,
      roleName: roleNames.machine,
      policyName: named('lambdaInvokePolicyName'),
      permissionsBoundaryArn,
      aws,
      functions: machineFunctions.functions,
      bucket: props.s3Bucket ?? '',
      preconditions: (roleName) => [
        ...differentNames(
          'functions',
          Object.values(functionNames),
          Object.values(machineFunctions.functions).map(({ functionName }) => functionName),
        ),
        ...differentNames('roles', Object.values(roleNames), [
          roleName,
          machineFunctions.role.name,
          instanceProfile.role.name,
        ]),
      ],
      logRetentionDays,
    });
    const beside = {
      namePrefix,
      permissionsBoundaryArn,
      stateMachineArn,
      stateMachine: stateMachine.stateMachine,
      logRetentionDays,
    };
    const relay = new Relay(this, 'relay', beside);
    const matrix = typeof props.matrix === 'string' ? readMatrix(props.matrix) : props.matrix;
    const reaper = new Reaper(this, 'reaper', {
      ...beside,
      aws,
      stateMachineName: smName,
      schedulerRoleName: reaperRoleName(namePrefix, matrix && props.schedulerRoleName),
    });
    const schedules =
      matrix &&
      new Schedules(this, 'schedules', {
        ...beside,
        aws,
        matrix,
        values: props.matrixValues ?? {},
        dailyBudget: props.dailyBudgetUsd ?? 0,
        groupName: groupNameOf(props.scheduleGroupName, derivedName(namePrefix, SUFFIXES.scheduleGroupName)),
        roleName: named('schedulerRoleName'),
        policyName: named('schedulerPolicyName'),
        afterRole: reaper.schedulerRole.role,
      });
    const { submissionsBucket = '' } = props;
    const when = ifSet(submissionsBucket);
    const machineName = named('submissionsName');
    const submissions =
      when &&
      new Submissions(this, 'submissions', {
        ...beside,
        aws,
        when,
        bucket: submissionsBucket,
        machineName,
        stateMachineName: smName,
      });

    const monitoring = new Monitoring(this, 'monitoring', {
      ...beside,
      aws,
      stateMachineName: smName,
      alarms: props.alarms ?? '',
      email: props.alarmEmail ?? '',
      failures: props.alarmFailures ?? 5,
      reporter: props.reporter ?? '',
      dailyBudget: props.dailyBudgetUsd ?? 0,
      dashboard: props.dashboard ?? '',
      reaper: reaper.function,
      machineFunctions: Object.values(machineFunctions.functions),
      ...(matrix && schedules && { matrix: { source: matrix, values: props.matrixValues ?? {}, schedules } }),
    });

    Aspects.of(this).add(
      new Tags({ Project: 'cdktf-datastream' }, props.tags, { [Tag.stateMachine]: stateMachineArn }),
    );

    const functions = {
      ...machineFunctions.functions,
      relay: relay.function,
      reaper: reaper.function,
      ...(schedules && { planner: schedules.planner }),
    };
    this.stateMachineArn = stateMachine.arn;
    this.submissionsArn = submissions?.arn;
    this.lambdaRoleArn = machineFunctions.role.arn;
    this.lambdaArns = perRole(functions, ({ arn }) => arn);
    this.lambdaFunctionNames = perRole(functions, ({ functionName }) => functionName);
    this.instanceProfileName = instanceProfile.profileName;
    this.securityGroupId = securityGroup.groupId;
    this.scheduleGroupName = schedules?.groupName;
    this.deadLetterQueueUrl = schedules?.deadLetterQueueUrl;
    this.alarmsTopicArn = monitoring.topicArn || undefined;
  }
}

/** A value of each function that a deployment has. */
export type PerFunction<Value = string> = Readonly<Record<CoreFunction, Value> & Partial<Record<FunctionName, Value>>>;

function perRole(
  functions: PerFunction<DatastreamFunction>,
  value: (each: DatastreamFunction) => string,
): PerFunction<string> {
  const entries = Object.entries<DatastreamFunction>(functions).map(([name, each]) => [name, value(each)]);
  return Object.fromEntries(entries) as PerFunction<string>;
}

/** The path of a matrix, or a matrix with its templates. */
function matrixSource(property: string, value: unknown): void {
  if (value === undefined || (typeof value === 'string' && value !== '')) return;
  const { value: file, templates } = Object(value);
  if (typeof file === 'object' && typeof templates === 'object' && templates !== null) return;
  throw new Error(
    `${property} is ${JSON.stringify(value)}: write the path of a matrix, or { value, templates } with the parsed matrix and its templates' texts.`,
  );
}

/** A number from a smallest one on. */
function numberFrom(least: number): Check {
  return (property, value) => {
    if (value === undefined || Token.isUnresolved(value) || (typeof value === 'number' && value >= least)) return;
    throw new Error(`${property} is ${JSON.stringify(value)}: write a number from ${least} on.`);
  };
}

/** The check of each property. */
const CHECKS: { readonly [Property in keyof Required<DataStreamProps>]: Check } = {
  smName: requiredText(RULES.stateMachine),
  resourcePrefix: text(RULES.prefix),
  smRoleName: text(RULES.role),
  starterLambdaName: text(RULES.lambda),
  commanderLambdaName: text(RULES.lambda),
  pollerLambdaName: text(RULES.lambda),
  checkerLambdaName: text(RULES.lambda),
  stopperLambdaName: text(RULES.lambda),
  lambdaPolicyName: text(RULES.policy),
  lambdaRoleName: text(RULES.role),
  lambdaInvokePolicyName: text(RULES.policy),
  ec2Role: text(RULES.role),
  ec2PolicyName: text(RULES.policy),
  profileName: text(RULES.profile),
  s3Bucket: text(RULES.bucket),
  jobLogs: text(RULES.jobLogs),
  submissionsBucket: text(RULES.bucket),
  submissionsName: text(RULES.stateMachine),
  amiParameterName: text(RULES.amiParameter),
  vpcId: text(RULES.vpc),
  subnetIds: texts(RULES.subnet),
  permissionsBoundaryArn: text(RULES.permissionsBoundary),
  logRetentionDays: logRetention,
  matrix: matrixSource,
  matrixValues: tagSet,
  schedulerRoleName: text(RULES.role),
  schedulerPolicyName: text(RULES.policy),
  scheduleGroupName: text(RULES.scheduleGroup),
  alarmEmail: text(RULES.email),
  alarms: text(RULES.on),
  alarmFailures: numberFrom(1),
  dashboard: text(RULES.on),
  reporter: text(RULES.on),
  dailyBudgetUsd: numberFrom(0),
  tags: tagSet,
};
