import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorName } from '../../lambdas/carousel/errors';
import type { KnownJobs } from '../../lambdas/carousel/known-job';
import type { Report } from '../../lambdas/carousel/reporter';
import { submitRequest } from '../../lambdas/carousel/requester';
import type { TurnDefaults } from '../../lambdas/carousel/turn';
import type { Container } from '../../local/batch';
import { ARCHIVE, EmbeddedCarousel, type EmbeddedCarouselOptions, OUTPUTS } from '../../local/carousel';
import { virtualClock } from '../../local/clock';
import type { Execution } from '../../local/sfn';
import { GB } from '../../prices/archive';

export const HDF5 = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);

export const JOBS: KnownJobs = {
  Radiance: {
    command: ['radiance', 'Ref::year', 'Ref::s3_input_file', 'Ref::output'],
    parameters: { year: '2015' },
    vcpus: 1,
    timeoutSeconds: 3600,
    attempts: 3,
  },
  Mosaic: {
    command: ['mosaic', 'Ref::manifest', 'Ref::output'],
    parameters: {},
    vcpus: 2,
    timeoutSeconds: 7200,
    attempts: 3,
  },
};

export const DEFAULTS: TurnDefaults = {
  tier: 'Bulk',
  days: 3,
  budgetDollars: 1000,
  concurrency: 50,
  maxWaitTurns: 12,
  turnTimeoutHours: 96,
};

const folders: string[] = [];
// The command of the fault matrix is no test; its temporary folder is its own.
globalThis.afterAll?.(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A job's run. */
export interface Run {
  readonly jobId: string;
  readonly input: string;
  readonly attempt: number;
  /** Whether its file could be read at its beginning and at its end. */
  readable: boolean;
}

/** A container that works for half an hour and writes its object. It needs its file until its end. */
export function healthyContainer(cloud: () => EmbeddedCarousel, runs: Run[], minutes = 30): Container {
  return async ({ environment, signal, jobId, attempt }) => {
    const { CAROUSEL_INPUT = '', CAROUSEL_OUTPUT = '' } = environment;
    const input = CAROUSEL_INPUT.replace(`s3://${ARCHIVE}/`, '');
    const { s3, clock } = cloud();
    const inArchive = CAROUSEL_INPUT.startsWith(`s3://${ARCHIVE}/`);
    const readable = () => !inArchive || s3.readable(ARCHIVE, input);
    const run: Run = { jobId, input, attempt, readable: readable() };
    runs.push(run);
    if (!run.readable) return { code: 1, reason: 'the file cannot be read' };
    await clock.sleep(minutes * 60_000, signal);
    if (signal.aborted) return { code: 137 };
    run.readable = readable();
    if (!run.readable) return { code: 1, reason: 'the file cannot be read' };
    s3.put(OUTPUTS, CAROUSEL_OUTPUT.replace(`s3://${OUTPUTS}/`, ''), 'numpy');
    return { code: 0 };
  };
}

export const keyOf = (index: number) =>
  `P${1 + (index % 3)}/TERRA_BF_L1B_O${10000 + index}_201512${String(1 + (index % 28)).padStart(2, '0')}160910_F000_V001.h5`;

/** An embedded Carousel on virtual time, with an archive of some files. Its jobs take half an hour. */
export async function testCarousel(
  files: number,
  options: Partial<EmbeddedCarouselOptions> & { readonly storageClass?: string; readonly gb?: number } = {},
) {
  const { storageClass = 'GLACIER', gb = 31, ...rest } = options;
  const folder = mkdtempSync(join(tmpdir(), 'carousel-test-'));
  folders.push(folder);
  const clock = virtualClock(new Date('2026-11-28T09:00:00Z'));
  const runs: Run[] = [];
  let cloud!: EmbeddedCarousel;
  cloud = new EmbeddedCarousel({
    folder,
    clock,
    jobs: JOBS,
    defaults: DEFAULTS,
    container: healthyContainer(() => cloud, runs),
    ...rest,
  });
  const keys = Array.from({ length: files }, (_, index) => keyOf(index)).sort();
  for (const key of keys) cloud.s3.archive(ARCHIVE, key, storageClass, gb * GB, HDF5);
  const known = (key: string) => ({ FilePath: key, StorageClass: storageClass });
  const { filesLedger, jobsLedger } =
    require('../../lambdas/carousel/deployment') as typeof import('../../lambdas/carousel/deployment');
  const outside = cloud.clients();
  const run = <T>(promise: Promise<T>) => clock.run(promise);
  await run(filesLedger(outside).putAll(keys.map(known)));
  const request = (requestFiles: readonly string[], job: object = { definition: 'Radiance' }, username = 'ana') =>
    run(submitRequest({ username, files: requestFiles, job }, outside));
  const report = (turn: string) => JSON.parse(cloud.s3.get(OUTPUTS, `turns/${turn}/report.json`)) as Report;
  const turn = async (input: unknown = { requests: 'waiting' }, name = 'turn-1') => {
    const execution = cloud.start(input, name);
    await run(execution.ended);
    return execution;
  };
  return {
    cloud,
    clock,
    keys,
    run,
    request,
    turn,
    report,
    runs,
    ledger: jobsLedger(outside),
    files: filesLedger(outside),
  };
}

export const errorOf = ({ error }: Execution) => error as ErrorName | undefined;
