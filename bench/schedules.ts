import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { checkMatrix } from '../executions/matrix/check';
import type { Matrix } from '../executions/matrix/expand';
import { loadMatrix } from '../executions/matrix/load';
import { temporaryFolder } from '../files/temporary-folder';
import { type Day, playDay } from '../local/day';
import { playRounds } from '../local/rounds';
import { runCommand } from './command';
import { answeringAws, synthesise, terraformEnvironment } from './deployment';

const ROOT = resolve(__dirname, '..');
const EXAMPLE = join(ROOT, 'executions/examples/schedules/rivers.matrix.json');
/** As many as upstream's services/nrds has: a schedule for each execution and day. */
const SCHEDULES = 1238;
const FROM = new Date('2026-01-01T00:00:00Z');
const YEAR_H = 8760;
const run = promisify(execFile);

/**
 * `npm run bench:schedules -- [MATRIX]`: a virtual day, a year of rounds, the resources and the plan of a matrix.
 * @throws Error with every figure that is not as it must be
 */
async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const file = resolve(positionals[0] ?? EXAMPLE);
  const matrix = readMatrix(file);
  const broken: string[] = [];
  const must = (holds: boolean, sentence: string) => {
    console.log(`${holds ? 'ok  ' : 'FAIL'}  ${sentence}`);
    if (!holds) broken.push(sentence);
  };

  const day = await playDay(matrix, { from: FROM, hours: 24, jobSeconds: 480 });
  must(whole(day, 'SUCCEEDED'), `virtual day: ${outcomes(day)}`);
  must(day.throttled.length === 0, `virtual day: ${day.throttled.length} throttled calls`);
  must(last(day) <= 150, `virtual day: the last launch ${last(day).toFixed(1)} s after its schedule, at most 150`);
  const { requests, gbSeconds, dollars } = day.planner;
  console.log(`      the planner: ${requests} calls, ${Math.round(gbSeconds)} GB-s, $${dollars.toFixed(4)} a day`);

  const year = await playRounds(matrix, { from: FROM, hours: YEAR_H });
  must(whole(year, 'STARTED'), `year of rounds: ${outcomes(year)} in ${YEAR_H} hours`);

  const { resources, core, own, compared } = await plans(file, matrix);
  const share = (seconds: number) => `${seconds.toFixed(1)} s, ${Math.round((100 * seconds) / compared)} %`;
  must(resources <= 60, `${resources} resources beside the machine's, at most 60`);
  console.log(`      CPU of the plan of ${SCHEDULES} schedules, their role and policy: ${compared.toFixed(1)} s`);
  console.log(`      CPU of the plan of the whole stack, with the machine and the schedules: ${share(own)} of that`);
  // Like with like: those schedules are planned without a machine.
  must(
    own - core <= compared / 4,
    `CPU that the schedules add to the stack's plan: ${share(own - core)}, at most 25 %`,
  );
  if (broken.length > 0) throw new Error(`Not as it must be: ${broken.join('; ')}.`);
}

function readMatrix(file: string): Matrix {
  const loaded = loadMatrix(file);
  if ('error' in loaded) throw new Error(loaded.error);
  const { matrix, problems } = checkMatrix(loaded.value, { templates: loaded.templates });
  if (!matrix) throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return matrix;
}

const whole = ({ jobs, unexpected, deadLetters }: Day, outcome: string) =>
  jobs.every((job) => job.outcome === outcome) && unexpected.length === 0 && deadLetters === 0;

const last = ({ jobs }: Day) => jobs.reduce((most, { launchedAfter = 0 }) => Math.max(most, launchedAfter), 0);

function outcomes({ jobs }: Day): string {
  const counts = new Map<string, number>();
  for (const { outcome } of jobs) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count.toLocaleString('en')} ${outcome}`).join(', ');
}

interface Plans {
  /** How many a matrix adds. */
  readonly resources: number;
  /** CPU seconds, one plan after the other: of the stack without a matrix, and with it. */
  readonly core: number;
  readonly own: number;
  /** Of a schedule for each execution and day. */
  readonly compared: number;
}

/** Plans the stack without and with a matrix, and a schedule for each job. */
async function plans(file: string, matrix: Matrix): Promise<Plans> {
  const folder = temporaryFolder('plans');
  const aws = await answeringAws();
  try {
    const env = terraformEnvironment(folder, aws.endpoint);
    await synthesise(join(folder, 'without'));
    await synthesise(join(folder, 'with'), { matrix: file });
    const stack = (name: string) => join(folder, name, 'stacks', 'datastream');
    const other = join(folder, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'main.tf.json'), JSON.stringify(oneScheduleForEachJob(matrix), null, 1));
    const plan = async (where: string, ...variables: string[]) => {
      await run('terraform', ['init', '-input=false'], { cwd: where, env });
      const command = ['terraform', 'plan', '-refresh=false', '-input=false', '-lock=false', '-no-color', ...variables];
      const timed = await run('bash', ['-c', 'TIMEFORMAT="cpu %U %S"; time "$@" > /dev/null', 'bash', ...command], {
        cwd: where,
        env: { ...env, LC_ALL: 'C' },
      });
      const [, user = '', system = ''] = /cpu ([\d.]+) ([\d.]+)/.exec(timed.stderr) ?? [];
      return Number(user) + Number(system);
    };
    const variables = `-var-file=${join(ROOT, 'variables.tfvars')}`;
    return {
      resources: count(stack('with')) - count(stack('without')),
      core: await plan(stack('without'), variables),
      own: await plan(stack('with'), variables),
      compared: await plan(other),
    };
  } finally {
    aws.close();
  }
}

function count(stack: string): number {
  const { resource } = JSON.parse(readFileSync(join(stack, 'cdk.tf.json'), 'utf8')) as { resource: object };
  return Object.values(resource).reduce((sum, each: object) => sum + Object.keys(each).length, 0);
}

/** What upstream deploys: a schedule for each execution and day with its whole input, a role, a policy, an attachment. */
function oneScheduleForEachJob({ lines }: Matrix): object {
  const jobs = lines.flatMap((line) => line.jobs);
  const schedules = Array.from({ length: SCHEDULES }, (_, index) => {
    const { name = '', input = {} } = jobs[index % jobs.length] ?? {};
    const target = {
      arn: 'arn:aws:scheduler:::aws-sdk:sfn:startExecution',
      role_arn: '${aws_iam_role.scheduler.arn}',
      input: JSON.stringify({
        StateMachineArn: 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream',
        Name: `${name}_<aws.scheduler.execution-id>`,
        Input: JSON.stringify(input).replace(/[$%](?=\{)/g, '$&$&'),
      }),
    };
    const schedule = {
      name: `schedule_${index}`,
      group_name: 'default',
      schedule_expression: 'cron(0 0 * * ? *)',
      schedule_expression_timezone: 'America/New_York',
      flexible_time_window: { mode: 'OFF' },
      target,
    };
    return [`schedule_${index}`, schedule];
  });
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'scheduler.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'states:StartExecution', Resource: '*' }],
  };
  return {
    terraform: { required_providers: { aws: { source: 'hashicorp/aws', version: '~> 5.100' } } },
    provider: { aws: { region: 'us-east-1' } },
    resource: {
      aws_iam_role: { scheduler: { name: 'scheduler', assume_role_policy: JSON.stringify(trust) } },
      aws_iam_policy: { scheduler: { name: 'scheduler', policy: JSON.stringify(policy) } },
      aws_iam_role_policy_attachment: {
        scheduler: { role: '${aws_iam_role.scheduler.name}', policy_arn: '${aws_iam_policy.scheduler.arn}' },
      },
      aws_scheduler_schedule: Object.fromEntries(schedules),
    },
  };
}

runCommand('npm run bench:schedules, or npm run bench:schedules -- MATRIX', main);
