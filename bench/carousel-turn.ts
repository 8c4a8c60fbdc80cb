import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesLedger } from '../lambdas/carousel/deployment';
import { submitRequest } from '../lambdas/carousel/requester';
import { ARCHIVE, EmbeddedCarousel, OUTPUTS } from '../local/carousel';
import { virtualClock } from '../local/clock';
import { seededRandom } from '../local/random';
import { GB } from '../prices/archive';
import { PRICES } from '../prices/orchestration';

/** List prices of us-east-1, in dollars a call (Amazon DynamoDB pricing, on demand; Amazon S3 pricing, Standard). */
const CALLS: Readonly<Record<string, number>> = {
  GetItem: 0.125e-6,
  UpdateItem: 0.625e-6,
  PutItem: 0.625e-6,
  DeleteItem: 0.625e-6,
  BatchWriteItem: 25 * 0.625e-6,
  // A thousand rows of a third of a KB are about 80 units.
  Query: 80 * 0.125e-6,
  ListObjectsV2: 0.005 / 1000,
  HeadObject: 0.0004 / 1000,
  GetObject: 0.0004 / 1000,
  PutObject: 0.005 / 1000,
};

/** Files of the turn. */
const FILES = 1000;
/** Requests that wait for them, each for 10 to 40 neighbouring files; the last one for all that no other asks for. */
const REQUESTS = 40;
const HDF5 = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A turn of 1,000 files and 40 requests on the embedded cloud, in virtual time, with what its orchestration costs. */
export async function largeTurn() {
  const folder = mkdtempSync(join(tmpdir(), 'carousel-large-'));
  const clock = virtualClock(new Date('2026-11-28T09:00:00Z'));
  const cloud: EmbeddedCarousel = new EmbeddedCarousel({
    folder,
    clock,
    jobs: {
      Radiance: {
        command: ['radiance', 'Ref::s3_input_file', 'Ref::output'],
        parameters: {},
        vcpus: 1,
        timeoutSeconds: 3600,
        attempts: 3,
      },
    },
    defaults: { tier: 'Bulk', days: 3, budgetDollars: 1000, concurrency: 50, maxWaitTurns: 12, turnTimeoutHours: 96 },
    container: async ({ environment: { CAROUSEL_OUTPUT = '' }, signal }) => {
      await clock.sleep(30 * 60_000, signal);
      cloud.s3.put(OUTPUTS, CAROUSEL_OUTPUT.replace(`s3://${OUTPUTS}/`, ''), 'numpy');
      return { code: 0 };
    },
  });
  try {
    const clients = cloud.clients();
    const keys = Array.from({ length: FILES }, (_, index) => `P22/${String(index).padStart(4, '0')}.h5`);
    for (const key of keys) cloud.s3.archive(ARCHIVE, key, 'GLACIER', GB, HDF5);
    await clock.run(filesLedger(clients).putAll(keys.map((FilePath) => ({ FilePath }))));
    const random = seededRandom(7);
    const wanted = new Set<string>();
    let pairs = 0;
    for (let index = 0; index < REQUESTS; index++) {
      const first = Math.min(Math.floor(random() * FILES), FILES - 40);
      const files =
        index < REQUESTS - 1
          ? keys.slice(first, first + 10 + Math.floor(random() * 31))
          : keys.filter((key) => !wanted.has(key));
      for (const key of files) wanted.add(key);
      pairs += files.length;
      await clock.run(submitRequest({ username: `user ${index}`, files, job: { definition: 'Radiance' } }, clients));
    }
    const before = Object.fromEntries(Object.keys(CALLS).map((each) => [each, cloud.calls(each)]));
    const execution = cloud.start({ requests: 'waiting' }, 'turn-1');
    await clock.run(execution.ended);
    const functions = cloud.invocations.reduce(
      (sum, { milliseconds, memoryMb }) =>
        sum + PRICES.request + ((milliseconds + 50) / 1000) * (memoryMb / 1024) * PRICES.gbSecond,
      0,
    );
    const calls = Object.entries(CALLS).reduce(
      (sum, [operation, price]) => sum + (cloud.calls(operation) - (before[operation] ?? 0)) * price,
      0,
    );
    const machine = execution.used.transitions * PRICES.transition;
    const begun = cloud.s3.restoresBegun.map(({ key }) => key);
    return {
      status: execution.status,
      cause: execution.cause,
      files: wanted.size,
      requests: REQUESTS,
      /** Pairs of request and file, each of which needs a job. */
      pairs,
      restores: begun.length,
      restored: new Set(begun).size,
      submitted: cloud.calls('SubmitJob'),
      virtualHours: (clock.now().getTime() - Date.parse('2026-11-28T09:00:00Z')) / 3_600_000,
      events: execution.used.events,
      dollars: { functions, calls, machine, file: (functions + calls + machine) / FILES },
    };
  } finally {
    cloud.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
