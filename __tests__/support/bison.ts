import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { PRODUCT } from '../../files/product';
import { EmbeddedBison, type EmbeddedBisonOptions } from '../../local/bison';
import { type LocalClock, virtualClock } from '../../local/clock';
import type { Shell } from '../../local/ssm';

export const EXAMPLE = join(PRODUCT, 'local/examples/bison');
export const KEY = '0004219-251025141854904';
export const SNAPSHOT = '2025-11-01';
export const INGEST = JSON.parse(readFileSync(join(PRODUCT, 'executions/examples/gbif-download.json'), 'utf8'));
export const RAW = `rawdata/${KEY}/occurrence.txt`;

/** occurrence.txt of the synthetic month. */
export const OCCURRENCES = Buffer.from(
  unzipSync(readFileSync(join(EXAMPLE, 'gbif', `${KEY}.zip`)))['occurrence.txt'] as Uint8Array,
).toString('utf8');

const folders: string[] = [];
const months: EmbeddedBison[] = [];
afterAll(async () => {
  for (const month of months) await month.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

type Ingested = { readonly code: number; readonly stderr?: string };

export interface MonthOptions extends Partial<Omit<EmbeddedBisonOptions, 'shell'>> {
  /** The n-th run of the ingest's commands, from 1, in place of 40 minutes after which the object is there. */
  readonly ingested?: (run: number, healthy: () => Promise<Ingested>, month: EmbeddedBison) => Promise<Ingested>;
  /** What GBIF's download holds. Default: the synthetic month. */
  readonly occurrences?: string;
  /** A shell that runs the ingest's commands, in place of `ingested`. */
  readonly shell?: (folder: string, clock: LocalClock) => Shell;
  /** Whether the RIIS list and the regions are uploaded. Default: they are. */
  readonly inputs?: boolean;
}

/** A month on virtual time, from the second of November 2025. */
export function testMonth({
  ingested,
  occurrences = OCCURRENCES,
  inputs = true,
  shell,
  ...options
}: MonthOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'bison-test-'));
  folders.push(folder);
  const clock: LocalClock = options.clock ?? virtualClock(new Date('2025-11-02T00:00:00Z'));
  let runs = 0;
  const month: EmbeddedBison = new EmbeddedBison({
    folder,
    clock,
    gbif: join(EXAMPLE, 'gbif'),
    ingest: INGEST,
    chunks: 4,
    ...options,
    shell: async (job) => {
      if (shell) return shell(folder, clock)(job);
      const { signal } = job;
      const healthy = async () => {
        await clock.sleep(40 * 60_000, signal);
        if (signal.aborted) return { code: -1 };
        month.cloud.s3.put(month.bucket, RAW, occurrences);
        return { code: 0 };
      };
      const ended = await (ingested?.(++runs, healthy, month) ?? healthy());
      return { stdout: '', stderr: '', ...ended };
    },
  });
  months.push(month);
  if (inputs) month.upload(join(EXAMPLE, 'input'));
  return { month, clock, folder };
}

/** Starts a month and lets it end. */
export async function playMonth(options: MonthOptions = {}, input: unknown = {}) {
  const { month, clock, folder } = testMonth(options);
  const execution = month.start(input, 'month');
  await clock.run(execution.ended);
  return { month, clock, folder, execution };
}

/** Whether the month was published. */
export const isPublished = (month: EmbeddedBison) =>
  month.cloud.s3.list(month.bucket, `summary/${SNAPSHOT}/`).includes(`summary/${SNAPSHOT}/manifest.json`);
