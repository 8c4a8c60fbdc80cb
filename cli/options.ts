import { InvalidArgumentError } from 'commander';
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
