import { CodePipelineClient, StartPipelineExecutionCommand } from '@aws-sdk/client-codepipeline';
import {
  BatchGetImageCommand,
  CompleteLayerUploadCommand,
  ECRClient,
  InitiateLayerUploadCommand,
  PutImageCommand,
  UploadLayerPartCommand,
} from '@aws-sdk/client-ecr';
import {
  GetBucketNotificationConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { type Clock, systemClock } from '../runtime/clock';
import { createHandler, type Log, lazily } from '../runtime/handler';
import { type Blob, MANIFEST_TYPE, seedImage } from './seed-image';

/** What Terraform calls the preparer with. `tf` is Terraform's own addition (aws_lambda_invocation, lifecycle_scope). */
export const PreparerEvent = z.union([
  z.object({ tf: z.object({ action: z.literal('delete') }) }),
  z.object({
    action: z.literal('prepare'),
    /** The image repository of the branch. */
    repository: z.string(),
    /** The tags that functions name. */
    tags: z.array(z.string()),
  }),
  z.object({
    action: z.literal('release'),
    /** Buckets that somebody else has made, whose events EventBridge must get. */
    buckets: z.array(z.string()),
    /** What the ids of aws-template's own notifications begin with; they are removed from those buckets. */
    replaces: z.string(),
    pipeline: z.string(),
    /** The same for the same kit: a repeated call starts nothing more. */
    token: z.string(),
  }),
]);
export type PreparerEvent = z.infer<typeof PreparerEvent>;

export interface PreparerClients {
  readonly ecr: Pick<ECRClient, 'send'>;
  readonly s3: Pick<S3Client, 'send'>;
  readonly codepipeline: Pick<CodePipelineClient, 'send'>;
  readonly clock: Clock;
}

/** Tags in one call of BatchGetImage (ECR API reference). */
const TAGS_PER_CALL = 100;

/** IAM knows a new role's policy everywhere only after some seconds (IAM User Guide, eventual consistency). */
const IAM_PAUSE_MS = 5_000;
const IAM_ATTEMPTS = 12;

/**
 * Does what Terraform has no resource for. Every step may be done again: Terraform repeats a call whose answer was lost.
 *
 * @returns the tags that got an image; or the buckets that were changed and the execution that was started
 */
export async function prepare(event: PreparerEvent, clients: PreparerClients, log: Log): Promise<object> {
  if (!('action' in event)) return {};
  const { clock } = clients;
  if (event.action === 'prepare') {
    const seeded = await whenAllowed(clock, () => seed(event.repository, event.tags, clients.ecr));
    log.info('prepared', { seeded });
    return { seeded };
  }
  const { pipeline, token } = event;
  const changed: string[] = [];
  for (const bucket of event.buckets) {
    if (await whenAllowed(clock, () => turnOn(bucket, event.replaces, clients.s3))) changed.push(bucket);
  }
  const { pipelineExecutionId } = await whenAllowed(clock, () =>
    clients.codepipeline.send(new StartPipelineExecutionCommand({ name: pipeline, clientRequestToken: token })),
  );
  log.info('released', { changed, pipelineExecutionId });
  return { changed, pipelineExecutionId };
}

/** Gives every tag that is missing the image of a pipeline that has not been built. @returns those tags */
async function seed(repositoryName: string, tags: readonly string[], ecr: PreparerClients['ecr']): Promise<string[]> {
  const present = new Set<string | undefined>();
  for (let at = 0; at < tags.length; at += TAGS_PER_CALL) {
    const imageIds = tags.slice(at, at + TAGS_PER_CALL).map((imageTag) => ({ imageTag }));
    const { images = [] } = await ecr.send(new BatchGetImageCommand({ repositoryName, imageIds }));
    for (const { imageId } of images) present.add(imageId?.imageTag);
  }
  const missing = tags.filter((tag) => !present.has(tag));
  if (missing.length === 0) return [];
  const { layer, config, manifest } = seedImage();
  for (const each of [layer, config]) await upload(repositoryName, each, ecr);
  for (const imageTag of missing) {
    await unlessThere('ImageAlreadyExistsException', () =>
      ecr.send(
        new PutImageCommand({
          repositoryName,
          imageTag,
          imageManifest: manifest,
          imageManifestMediaType: MANIFEST_TYPE,
        }),
      ),
    );
  }
  return missing;
}

async function upload(repositoryName: string, { bytes, digest }: Blob, ecr: PreparerClients['ecr']): Promise<void> {
  const { uploadId } = await ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
  await ecr.send(
    new UploadLayerPartCommand({
      repositoryName,
      uploadId,
      partFirstByte: 0,
      partLastByte: bytes.length - 1,
      layerPartBlob: bytes,
    }),
  );
  await unlessThere('LayerAlreadyExistsException', () =>
    ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [digest] })),
  );
}

/**
 * Adds EventBridge to a bucket's notifications. A bucket has one configuration, and a Put replaces all of it: everybody
 * else's notifications are read and written back. Only aws-template's own, of the functions that are now called by rules,
 * are left out; with them a file would run twice. The rules exist by now: in one Put, the one takes over from the other.
 *
 * @returns whether the bucket was changed
 */
async function turnOn(bucket: string, replaces: string, s3: PreparerClients['s3']): Promise<boolean> {
  const { $metadata, ...now } = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
  const all = now.LambdaFunctionConfigurations ?? [];
  const others = all.filter(({ Id = '' }) => !(Id.startsWith(replaces) && Id.endsWith('-s3-notification')));
  if (now.EventBridgeConfiguration !== undefined && others.length === all.length) return false;
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      NotificationConfiguration: {
        ...now,
        LambdaFunctionConfigurations: others.length > 0 ? others : undefined,
        EventBridgeConfiguration: {},
      },
      // S3 would refuse the whole configuration for another owner's queue that is gone.
      SkipDestinationValidation: true,
    }),
  );
  return true;
}

/** Carries out a call whose effect may be there already, of an earlier call whose answer was lost. */
async function unlessThere(name: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if ((error as Error).name !== name) throw error;
  }
}

/** Repeats what IAM refuses, while it may not yet know the role's policy. */
async function whenAllowed<Result>(clock: Clock, act: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      const refused = ['AccessDenied', 'AccessDeniedException'].includes((error as Error).name);
      if (!refused || attempt === IAM_ATTEMPTS) throw error;
      await clock.sleep(IAM_PAUSE_MS);
    }
  }
}

/** The function with its clients. */
export const createPreparer = (clients: PreparerClients, log?: Log) =>
  createHandler('preparer', PreparerEvent, (event, lines) => prepare(event, clients, lines), log);

export const handler = lazily(() => {
  // Terraform calls it a few times in a deployment: it waits for a throttled call rather than fail the deployment.
  const patient = { ...CLIENT, maxAttempts: 8 };
  return createPreparer({
    ecr: new ECRClient(patient),
    s3: new S3Client(patient),
    codepipeline: new CodePipelineClient(patient),
    clock: systemClock,
  });
});
