import type { Execution } from '../model';
import { parseExecution } from '../parse';
import { vcpusOf } from '../vcpus';
import { type Matrix, minuteOf } from './expand';

export type Market = 'spot' | 'on-demand';

/** A service quota of EC2: how many vCPUs of some instance families may run at once in a region. */
export interface Quota {
  /** Service Quotas' code, of service `ec2`. */
  readonly code: string;
  readonly market: Market;
  /** The families, such as `standard` or `G and VT`. */
  readonly families: string;
}

/** What the jobs of a matrix need of one quota. */
export interface Need extends Quota {
  /** vCPUs of the jobs that start in one minute, at most; and that minute, `HH:MM` in UTC. */
  readonly starting: number;
  readonly minute: string;
  /** vCPUs at once if each job lasts its `timeout_s`. */
  readonly ceiling: number;
}

/** Families by the letters before their generation; codes as Service Quotas lists them (Amazon EC2 endpoints and quotas). */
const QUOTAS: readonly (readonly [letters: RegExp, families: string, onDemand: string, spot?: string])[] = [
  [/^(a|c|d|h|i|im|is|m|r|t|z)$/, 'standard', 'L-1216C47A', 'L-34B43A08'],
  [/^(g|gr|vt)$/, 'G and VT', 'L-DB2E81BA', 'L-3819A6DF'],
  [/^p$/, 'P', 'L-417A185B', 'L-7212CCBC'],
  [/^f$/, 'F', 'L-74FC7D96', 'L-88CF9481'],
  [/^x$/, 'X', 'L-7295265B', 'L-E3A00192'],
  [/^inf$/, 'Inf', 'L-1945791B', 'L-B5D1601B'],
  [/^trn$/, 'Trn', 'L-2C3B7624', 'L-6B0D517C'],
  [/^dl$/, 'DL', 'L-6E869C2A', 'L-85EED4F7'],
  [/^hpc$/, 'HPC', 'L-F7808C92'],
];

/** The quota that an instance of this type counts against; undefined where it is not known. */
export function quotaOf(type: string, market: Market): Quota | undefined {
  const letters = /^[a-z]+/.exec(type)?.[0] ?? '';
  const [, families, onDemand, spot] = QUOTAS.find(([pattern]) => pattern.test(letters)) ?? [];
  const code = market === 'spot' ? spot : onDemand;
  return families === undefined || code === undefined ? undefined : { code, market, families };
}

/** The market in which a job's first attempt is launched. */
export function marketOf({ ii_cheapo, instance_parameters }: Execution): Market {
  return ii_cheapo || instance_parameters.InstanceMarketOptions?.MarketType === 'spot' ? 'spot' : 'on-demand';
}

const DAY_MINUTES = 1440;

/**
 * What the jobs of every day need of EC2's quotas, by first attempts and first types.
 *
 * @returns the needs, and the types whose quota or size is not known
 */
export function needsOf(matrix: Matrix): { readonly needs: readonly Need[]; readonly unknown: readonly string[] } {
  const unknown = new Set<string>();
  const found = new Map<string, { quota: Quota; starts: number[]; runs: number[] }>();
  for (const line of matrix.lines) {
    for (const { cycle, input } of line.jobs) {
      const { execution } = parseExecution(input);
      const type = execution?.instance_parameters.InstanceType;
      if (!execution || type === undefined) continue;
      const quota = quotaOf(type, marketOf(execution));
      const vcpus = vcpusOf(type);
      if (!quota || vcpus === undefined) {
        unknown.add(type);
        continue;
      }
      const zeros = () => new Array<number>(DAY_MINUTES).fill(0);
      const { starts, runs } = found.get(quota.code) ?? { starts: zeros(), runs: zeros() };
      found.set(quota.code, { quota, starts, runs });
      const [hours = 0, minutes = 0] = minuteOf(line, cycle).split(':').map(Number);
      const first = 60 * hours + minutes;
      starts[first] = (starts[first] ?? 0) + vcpus;
      for (let after = 0; after * 60 < execution.timeout_s; after++) {
        const at = (first + after) % DAY_MINUTES;
        runs[at] = (runs[at] ?? 0) + vcpus;
      }
    }
  }
  const needs = [...found.values()].map(({ quota, starts, runs }) => {
    const starting = Math.max(...starts);
    const at = starts.indexOf(starting);
    const two = (number: number) => String(number).padStart(2, '0');
    return {
      ...quota,
      starting,
      minute: `${two(Math.floor(at / 60))}:${two(at % 60)}`,
      ceiling: Math.max(...runs),
    };
  });
  return { needs, unknown: [...unknown] };
}
