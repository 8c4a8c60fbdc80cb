import type { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { awsSentence } from '../../packer/aws-errors';
import type { SpotHourly } from '../../prices/jobs';
import { type ActualJob, actualJobs, byJob, byLine, unusual } from '../actual';
import type { Bill } from '../aws/bill';
import type { Execution, Executions } from '../executions';
import { findAll } from '../find-all';
import { grouped } from '../grouped';
import { type MatrixOptions, usableMatrix } from '../matrix-file';
import { dollars } from '../output/dollars';
import { priceSentence } from '../output/price-sentence';
import { count } from '../output/summary';
import { table } from '../output/table';
import { type Output, wrap } from '../output/wrap';
import { knownPrices } from '../price-list';
import { type WhereOptions, withExecutions } from '../where';
import { findOrSay } from './status';

export interface CostActualOptions extends WhereOptions, Pick<MatrixOptions, 'tfvars'> {
  /** Executions that were started in the last so many milliseconds, where none is named. Default: 7 days. */
  readonly since?: number;
  /** The matrix whose lines the executions are of. Default: each file is a line. */
  readonly matrix?: string;
  /** Print what is unusual, and exit 1 where there is something. */
  readonly anomalies?: boolean;
  /** Compare a month, YYYY-MM, with what AWS has billed. */
  readonly bill?: string;
  readonly json?: boolean;
}

/** What this command asks. */
export interface CostClients {
  readonly executions: typeof withExecutions;
  readonly ec2: (region: string) => Pick<EC2Client, 'send'>;
  readonly costExplorer: () => Pick<CostExplorerClient, 'send'>;
}

/** Loaded here, because most calls need none of them. */
const CLIENTS: CostClients = {
  executions: withExecutions,
  ec2: (region) => (require('../aws/executions') as typeof import('../aws/executions')).clientsOf(region).ec2,
  costExplorer: () => {
    const { CostExplorerClient: Client } =
      require('@aws-sdk/client-cost-explorer') as typeof import('@aws-sdk/client-cost-explorer');
    // Cost Explorer has one endpoint (AWS General Reference, Billing and Cost Management endpoints).
    return new Client({ region: 'us-east-1' });
  },
};

const DAY_MS = 86_400_000;
const USUAL_DAYS = 7;

/**
 * Prints what executions have cost: those that are named, else those of the last days.
 *
 * @returns the exit code: 0; 1 with `anomalies` where something is unusual, and with any error in the matrix; 2 for wrong
 * options and unknown names; 5 where AWS cannot be asked
 */
export async function costActual(
  names: readonly string[],
  options: CostActualOptions,
  now: Date,
  out: Output,
  err: Output,
  clients: CostClients = CLIENTS,
): Promise<number> {
  const wrong = wrongOptions(names, options);
  if (wrong !== undefined) {
    err.write(wrap(`${wrong}\n`, err));
    return 2;
  }
  const { tfvars, bill: month } = options;
  const matrix =
    options.matrix === undefined ? undefined : await usableMatrix(options.matrix, { ...(tfvars && { tfvars }) }, err);
  if (typeof matrix === 'number') return matrix;
  return clients.executions(options, err, async (executions) => {
    const found = await wanted(names, options, executions, now, err);
    if (!found) return 2;
    const { region } = executions;
    const spot = await spotPrices(found, options.local ? undefined : clients.ec2(region), region);
    const jobs = actualJobs(found, region, knownPrices(), { matrix, ...spot });
    const bill = month === undefined ? undefined : await billed(month, options, clients, now);
    const anomalies = unusual(jobs);
    if (options.json) out.write(`${JSON.stringify(documentOf(jobs, region, spot, anomalies, bill), null, 2)}\n`);
    else {
      out.write(jobs.length === 0 ? 'No executions.\n' : tableOf(jobs, names.length > 0));
      if (bill) out.write(billTable(jobs, bill));
      const sentences = [
        ...unknownSentences(jobs),
        ...(spot.sentence === undefined ? [] : [spot.sentence]),
        ...(jobs.length > 0 ? [priceSentence(region, now, knownPrices())] : []),
        ...(bill ? billSentences(jobs, bill, options.bill ?? '') : []),
        ...(options.anomalies ? anomalies.map(({ line, text }) => `Unusual: ${line}: ${text}.`) : []),
        ...(options.anomalies && anomalies.length === 0 ? ['Nothing is unusual.'] : []),
      ].filter(Boolean);
      out.write(sentences.map((sentence) => wrap(`${sentence}\n`, out)).join(''));
    }
    return options.anomalies && anomalies.length > 0 ? 1 : 0;
  });
}

function wrongOptions(names: readonly string[], { bill, local, since }: CostActualOptions): string | undefined {
  if (names.length > 0 && since !== undefined) return '--since is for all executions: leave it out, or the names.';
  if (bill === undefined) return undefined;
  if (local) return "--bill compares with AWS's bill, and with --local nothing is billed: leave one of them out.";
  if (names.length > 0) return '--bill compares all executions of a month: leave the names out.';
  return since === undefined ? undefined : '--bill names the month: leave --since out.';
}

/** The executions that are meant; undefined where a name is unknown, which is said. */
async function wanted(
  names: readonly string[],
  options: CostActualOptions,
  executions: Executions,
  now: Date,
  err: Output,
): Promise<readonly Execution[] | undefined> {
  const { since = USUAL_DAYS * DAY_MS, bill } = options;
  if (names.length > 0) {
    const found: Execution[] = [];
    for (const name of names) {
      const execution = await findOrSay(executions, name, options, err);
      if (execution) found.push(execution);
    }
    return found.length === names.length ? found : undefined;
  }
  const from = bill === undefined ? new Date(now.getTime() - since) : new Date(`${bill}-01T00:00:00Z`);
  const to = bill === undefined ? now : new Date(`${monthAfter(bill)}-01T00:00:00Z`);
  const listed = await executions.list({ since: from, limit: Number.MAX_SAFE_INTEGER });
  return findAll(
    listed.filter(({ startedAt }) => startedAt <= to),
    executions,
  );
}

function monthAfter(month: string): string {
  const [year = 0, number = 0] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 7);
}

interface Spot {
  readonly spotHourly?: SpotHourly;
  /** Where the prices are from; null where there are no spot instances. */
  readonly from: 'history' | 'list' | null;
  readonly sentence?: string;
}

/** The prices of spot instances in their zones and hours, where EC2 can be asked. */
async function spotPrices(
  executions: readonly Execution[],
  ec2: Pick<EC2Client, 'send'> | undefined,
  region: string,
): Promise<Spot> {
  const spot = executions
    .flatMap(({ facts }) => facts.summary?.launches ?? [])
    .filter(({ market }) => market === 'spot');
  if (spot.length === 0) return { from: null };
  const list = (why: string): Spot => ({
    from: 'list',
    sentence: `Spot instances count the list's spot price: ${why}`,
  });
  if (!ec2) return list('those of this computer have no zone.');
  try {
    const { spotHistory } = require('../aws/spot-prices') as typeof import('../aws/spot-prices');
    const spotHourly = await spotHistory(spot, ec2);
    const others = spot.filter((each) => spotHourly(each) === undefined).length;
    if (others === spot.length) return list('EC2 has no price of their zones and hours.');
    const without = others > 0 ? `; ${others} of ${spot.length} count the list's, because EC2 has none` : '';
    return {
      from: 'history',
      spotHourly,
      sentence: `Spot instances count the price of their zones and hours${without}.`,
    };
  } catch (error) {
    // A price that is less exact is worth more than none.
    return list(`EC2 does not tell that of their zones and hours. ${awsSentence(error, region)}`);
  }
}

async function billed(
  month: string,
  { arn }: CostActualOptions,
  clients: CostClients,
  now: Date,
): Promise<Bill | undefined> {
  const { deployed } = require('../aws/deployment') as typeof import('../aws/deployment');
  const { billOf } = require('../aws/bill') as typeof import('../aws/bill');
  const machine = deployed(arn);
  if ('error' in machine) return undefined;
  const tomorrow = new Date(now.getTime() + DAY_MS).toISOString().slice(0, 10);
  const end = `${monthAfter(month)}-01`;
  return billOf(machine.arn, { from: `${month}-01`, to: end < tomorrow ? end : tomorrow }, clients.costExplorer());
}

const PARTS = ['instance', 'volumes', 'addresses', 'orchestration', 'total'] as const;
type Part = (typeof PARTS)[number];

const sum = (jobs: readonly ActualJob[], part: Part) =>
  jobs.reduce((total, { cost }) => total + (cost?.[part] ?? 0), 0);
const known = (jobs: readonly ActualJob[]) => jobs.filter(({ cost }) => cost);

/** How many rows are printed; --json has all. */
const ROWS = 30;

function tableOf(jobs: readonly ActualJob[], byName: boolean): string {
  const groups = byName ? jobs.map((job) => [job.execution.name, [job]] as const) : byLine(jobs);
  const others = groups.slice(ROWS).flatMap(([, group]) => group);
  const rows = [
    ...groups.slice(0, ROWS),
    ...(others.length > 0 ? [[`${groups.length - ROWS} others`, others] as const] : []),
    ...(groups.length > 1 ? [['total', jobs] as const] : []),
  ].map(([name, group]) => {
    const number = byJob(known(group)).length;
    const shown = (value: number) => (number > 0 ? dollars(value) : '-');
    const jobCount = byJob(group).length.toLocaleString('en-US');
    return [name, jobCount, ...PARTS.map((part) => shown(sum(group, part))), shown(sum(group, 'total') / number)];
  });
  return table([['LINE', 'JOBS', 'INSTANCES', 'VOLUMES', 'IPV4', 'MACHINE', 'TOTAL', 'A JOB'], ...rows]);
}

/** Why jobs are not counted. */
function unknownSentences(jobs: readonly ActualJob[]): string[] {
  const without = jobs.filter(({ unknown }) => unknown !== undefined);
  return [...grouped(without, ({ unknown }) => unknown ?? '')].map(
    ([why, group]) => `Without ${count(byJob(group).length, 'job')}: ${why}`,
  );
}

function billTable(jobs: readonly ActualJob[], bill: Bill): string {
  const row = (name: string, counted: number, its: number) => [name, dollars(counted), dollars(its)];
  return `\n${table([
    ['', 'COUNTED', 'BILLED'],
    row('instances', sum(jobs, 'instance'), bill.instances),
    row('volumes', sum(jobs, 'volumes'), bill.volumes),
    ['other', '-', dollars(bill.other)],
  ])}`;
}

function billSentences(jobs: readonly ActualJob[], bill: Bill, month: string): string[] {
  const [counted, its] = [sum(jobs, 'instance') + sum(jobs, 'volumes'), bill.instances + bill.volumes];
  const tag =
    its === 0 && counted > 0
      ? 'AWS has billed nothing with the tag datastream:state-machine: activate it as a cost allocation tag in Billing; it counts from then on.'
      : `${month}: billed ${dollars(its)} for what is counted as ${dollars(counted)}${counted > 0 ? `, ${percent(its / counted - 1)}` : ''}.`;
  return [
    tag,
    ...(bill.estimated ? ['AWS may still change these sums.'] : []),
    'Addresses, transitions and functions have no such tag. Asking Cost Explorer has cost $0.01.',
  ];
}

const percent = (part: number) => `${Math.abs(100 * part).toFixed(1)} % ${part < 0 ? 'less' : 'more'}`;

const rounded = (value: number) => Number(value.toFixed(6));
const parts = (jobs: readonly ActualJob[]) => Object.fromEntries(PARTS.map((part) => [part, rounded(sum(jobs, part))]));

function documentOf(
  jobs: readonly ActualJob[],
  region: string,
  spot: Spot,
  anomalies: ReturnType<typeof unusual>,
  bill: Bill | undefined,
) {
  const figures = (group: readonly ActualJob[]) => ({
    jobs: byJob(group).length,
    dollars: parts(group),
    dollars_unknown: byJob(group.filter(({ cost }) => !cost)).length,
  });
  return {
    ...figures(jobs),
    prices_of: { [region]: knownPrices()[region]?.as_of ?? null },
    spot_prices: spot.from,
    lines: byLine(jobs).map(([line, group]) => ({ line, ...figures(group) })),
    anomalies,
    bill: bill ?? null,
    executions: jobs.map(({ execution: { name, status, startedAt }, line, place, cost, unknown }) => ({
      name,
      status,
      line,
      place,
      started_at: startedAt.toISOString(),
      ...(cost
        ? { dollars: rounded(cost.total), parts: Object.fromEntries(PARTS.map((part) => [part, rounded(cost[part])])) }
        : { dollars: null, dollars_unknown: unknown }),
    })),
  };
}
