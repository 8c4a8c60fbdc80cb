import { readFileSync } from 'node:fs';
import { AthenaClient } from '@aws-sdk/client-athena';
import { BatchClient } from '@aws-sdk/client-batch';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { record, text } from '../../files/values';
import { CLIENT } from '../../lambdas/runtime/clients';
import { type Clock, systemClock } from '../../lambdas/runtime/clock';

/** Where `npx cdktf deploy bison` and Terraform keep the state, from the checkout's folder. */
const STATE = 'terraform.bison.tfstate';

const RegionFile = z.object({ key: z.string(), layer: z.string() });

/** What the output `bison_deployment` says. */
const Deployment = z.object({
  stateMachineArn: z.string(),
  region: z.string(),
  bucket: z.string(),
  database: z.string(),
  workgroup: z.string(),
  queue: z.string(),
  ingest: z.enum(['download', 'open-data']),
  dataStreamArn: z.string(),
  regions: z.object({ county: RegionFile, aiannh: RegionFile }),
  chunks: z.coerce.number(),
  /** A server that the deployment has made. */
  postgres: z.object({ instanceClass: z.string(), storageGb: z.number() }).nullable(),
  /** Terraform writes numbers as texts. */
  scanLimitBytes: z.coerce.number(),
});

/** A deployment of BISON. */
export type BisonDeployment = z.output<typeof Deployment>;

/** AWS's clients of a deployment. */
export interface Bison {
  readonly athena: Pick<AthenaClient, 'send'>;
  readonly batch: Pick<BatchClient, 'send'>;
  readonly s3: Pick<S3Client, 'send'>;
  readonly sfn: Pick<SFNClient, 'send'>;
  readonly clock: Clock;
  readonly deployment: BisonDeployment;
}

/**
 * The deployment that the user means: the file of `--deployment`, else that of DATASTREAM_BISON, else the output of the
 * Terraform state in this folder.
 *
 * @returns it; or in one sentence why it is not known
 */
export function bisonDeployment(file: string | undefined): BisonDeployment | { readonly error: string } {
  const named = file ?? (process.env.DATASTREAM_BISON || undefined);
  try {
    return Deployment.parse(JSON.parse(named === undefined ? inState() : readFileSync(named, 'utf8')));
  } catch (error) {
    const why =
      named === undefined
        ? `${STATE} in this folder does not tell`
        : `${named} does not tell: ${error instanceof z.ZodError ? 'it is no output of BISON' : (error as Error).message.split('\n')[0]}`;
    return {
      error: `Which BISON is meant is not known (${why}): run this in the folder of ${STATE}, or write what 'terraform output -raw bison_deployment' prints into a file and name it by --deployment.`,
    };
  }
}

function inState(): string {
  const { outputs } = record(JSON.parse(readFileSync(STATE, 'utf8')));
  return text(record(record(outputs).bison_deployment).value) ?? '';
}

/** AWS's clients of a deployment. */
export function bisonClients(deployment: BisonDeployment): Bison {
  const config = { ...CLIENT, region: deployment.region };
  return {
    athena: new AthenaClient(config),
    batch: new BatchClient(config),
    s3: new S3Client(config),
    sfn: new SFNClient(config),
    clock: systemClock,
    deployment,
  };
}
