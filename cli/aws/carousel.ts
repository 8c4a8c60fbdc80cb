import { readFileSync } from 'node:fs';
import { BatchClient } from '@aws-sdk/client-batch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { record, text } from '../../files/values';
import { type Carousel, type Deployment, deploymentOf } from '../../lambdas/carousel/deployment';
import { CLIENT } from '../../lambdas/runtime/clients';
import { systemClock } from '../../lambdas/runtime/clock';

/** Where `npx cdktf deploy carousel` and Terraform keep the state, from the checkout's folder. */
const STATE = 'terraform.carousel.tfstate';

/**
 * The deployment that the user means: the file of `--deployment`, else that of DATASTREAM_CAROUSEL, else the output of the
 * Terraform state in this folder.
 *
 * @returns it; or in one sentence why it is not known
 */
export function carouselDeployment(file: string | undefined): Deployment | { readonly error: string } {
  const named = file ?? (process.env.DATASTREAM_CAROUSEL || undefined);
  try {
    const found = named === undefined ? inState() : readFileSync(named, 'utf8');
    return deploymentOf(found);
  } catch (error) {
    const told = error instanceof z.ZodError ? `it has no right ${placesOf(error)}` : (error as Error).message;
    const why =
      named === undefined
        ? `no Carousel was deployed from this folder: ${STATE} does not name one`
        : `${named} does not tell: ${told.split('\n')[0]}`;
    const deploy = named === undefined ? "deploy it here by 'npx cdktf deploy carousel', " : '';
    return {
      error: `Which Carousel is meant is not known (${why}): ${deploy}run this in the folder of ${STATE}, or write what 'terraform output -raw carousel_deployment' prints into a file and name it by --deployment.`,
    };
  }
}

const placesOf = ({ issues }: z.ZodError) =>
  [...new Set(issues.map(({ path }) => path.join('.') || 'object'))].join(', ');

function inState(): string {
  const { outputs } = record(JSON.parse(readFileSync(STATE, 'utf8')));
  return text(record(record(outputs).carousel_deployment).value) ?? '';
}

/** AWS's clients of a deployment. */
export function carouselClients(deployment: Deployment): Carousel {
  const config = { ...CLIENT, region: deployment.region };
  return {
    dynamo: new DynamoDBClient(config),
    s3: new S3Client(config),
    batch: new BatchClient({ ...config, maxAttempts: 1 }),
    sfn: new SFNClient(config),
    sqs: new SQSClient(config),
    clock: systemClock,
    deployment,
  };
}
