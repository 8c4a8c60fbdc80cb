import type { BatchClient } from '@aws-sdk/client-batch';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SFNClient } from '@aws-sdk/client-sfn';
import type { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { Clock } from '../runtime/clock';
import type { KnownJobs } from './known-job';
import { type Dynamo, Ledger } from './ledger';
import type { TurnDefaults } from './turn';

const KnownJob = z.object({
  command: z.array(z.string()),
  parameters: z.record(z.string(), z.string()),
  vcpus: z.number(),
  timeoutSeconds: z.number(),
  attempts: z.number(),
});

/** What Terraform tells every function of a deployment. Numbers may be Terraform's, and so are written as texts. */
const Deployment = z.object({
  tables: z.object({ files: z.string(), jobs: z.string() }),
  archiveBucket: z.string(),
  archivePrefix: z.string(),
  outputBucket: z.string(),
  queue: z.string(),
  stateMachineArn: z.string(),
  region: z.string(),
  jobs: z.record(z.string(), KnownJob),
  defaults: z.object({
    tier: z.enum(['Expedited', 'Standard', 'Bulk']),
    days: z.coerce.number(),
    budgetDollars: z.coerce.number(),
    concurrency: z.coerce.number(),
    maxWaitTurns: z.coerce.number(),
    turnTimeoutHours: z.coerce.number(),
  }),
  /** Where indexes are; absent without HSDS. */
  hsds: z
    .object({ endpoint: z.string(), domain: z.string(), workQueueUrl: z.string(), definition: z.string() })
    .optional(),
});

/** A deployment, as its functions know it. */
export type Deployment = Omit<z.output<typeof Deployment>, 'jobs' | 'defaults'> & {
  readonly jobs: KnownJobs;
  readonly defaults: TurnDefaults;
};

/** Reads what Terraform wrote. */
export function deploymentOf(text: string): Deployment {
  return Deployment.parse(JSON.parse(text));
}

export type S3 = Pick<S3Client, 'send'>;
export type Batch = Pick<BatchClient, 'send'>;
export type Sfn = Pick<SFNClient, 'send'>;
export type Sqs = Pick<SQSClient, 'send'>;

/** The clients of a function, and its deployment. */
export interface Carousel {
  readonly dynamo: Dynamo;
  readonly s3: S3;
  readonly batch: Batch;
  readonly sfn: Sfn;
  readonly sqs: Sqs;
  readonly clock: Clock;
  readonly deployment: Deployment;
}

/** Requests, their files, and turns. */
export function jobsLedger({ dynamo, deployment }: Pick<Carousel, 'dynamo' | 'deployment'>): Ledger {
  return new Ledger(dynamo, deployment.tables.jobs);
}

/** The files' metadata. */
export function filesLedger({ dynamo, deployment }: Pick<Carousel, 'dynamo' | 'deployment'>): Ledger {
  return new Ledger(dynamo, deployment.tables.files);
}

/** Does something with each, so many at once; the order of the starts is theirs. @throws the first error, after all have ended */
export async function eachOf<Each>(
  all: readonly Each[],
  atOnce: number,
  act: (each: Each) => Promise<void>,
): Promise<void> {
  const waiting = [...all];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let each = waiting.shift(); each !== undefined && failures.length === 0; each = waiting.shift()) {
      try {
        await act(each);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
