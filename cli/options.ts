import { type Command, InvalidArgumentError } from 'commander';
import { REGION } from '../executions/region';
import { wrap } from './output/wrap';

/** Sentences for the end of a command's help, as wide as the terminal; elsewhere 80 columns, as the rest of the help. */
export const sentences =
  (text: string) =>
  ({ error }: { readonly error: boolean }): string =>
    wrap(`\n${text}`, { isTTY: true, columns: (error ? process.stderr : process.stdout).columns ?? 80 });

/** The region that the AWS CLI and the SDKs would use. */
export const OWN_REGION = process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION || undefined;

/** Reads the value of `--region`. */
export function region(value: string): string {
  if (!REGION.test(value)) {
    throw new InvalidArgumentError(`'${value}' is not a region's name; write one such as us-east-1.`);
  }
  return value;
}

/** Reads a day, such as the value of `--date`. @returns YYYYMMDD */
export function date(value: string): string {
  const compact = value.replace(/^(\d{4})-(\d{2})-(\d{2})$/, '$1$2$3');
  const [, year = '', month = '', day = ''] = /^(\d{4})(\d{2})(\d{2})$/.exec(compact) ?? [];
  const time = new Date(`${year}-${month}-${day}T00:00:00Z`);
  // A day that the month does not have is the next month's to JavaScript.
  if (Number.isNaN(time.getTime()) || time.toISOString().slice(0, 10) !== `${year}-${month}-${day}`) {
    throw new InvalidArgumentError(`'${value}' is no day; write one such as 20260818.`);
  }
  return compact;
}

/** What `--max-cost` says of itself. */
export const MAX_COST = 'start nothing where the first attempts may cost more, each until its timeout_s';

/** Reads dollars, such as the value of `--max-cost`. */
export function dollars(value: string): number {
  const number = Number(value.replace(/^\$/, ''));
  if (!/^\$?(\d{1,9}(\.\d+)?|\.\d+)$/.test(value)) {
    throw new InvalidArgumentError(`'${value}' is no sum: write dollars, such as 1 or 0.25.`);
  }
  return number;
}

/** Adds the options that say which executions are meant. */
export function where(command: Command): Command {
  return command
    .option('--arn <arn>', "the state machine's ARN (default: DATASTREAM_ARN, then Terraform's state in this folder)")
    .option('--local', 'those of this computer, on the embedded cloud')
    .option('--folder <folder>', 'where the embedded cloud is, with --local', '.datastream');
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a time, such as the value of `--since`. */
export function milliseconds(value: string): number {
  const [, number, unit = ''] = /^(\d{1,6})([mhd])$/.exec(value) ?? [];
  if (number === undefined) throw new InvalidArgumentError(`'${value}' is no time: write one such as 90m, 6h or 7d.`);
  return Number(number) * (UNITS[unit] ?? 0);
}
