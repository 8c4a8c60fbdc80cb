import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { createHandler, lazily } from '../runtime/handler';
import { DatastreamError, ErrorName } from './errors';
import { CommandedState, machineEvent } from './state';

const CheckerEvent = machineEvent(CommandedState);

/** The object that was found, as `$.object` of the execution's output. */
export interface VerifiedObject {
  readonly bucket: string;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** ISO 8601. */
  readonly last_modified: string;
}

/**
 * RunChecker: checks that the object in question exists under exactly its key and is newer than this attempt.
 *
 * @throws ObjectNotFound, ObjectStale; the state's Retry waits a little and checks again
 * @throws ObjectAccessDenied
 */
export async function check(
  { state }: z.infer<typeof CheckerEvent>,
  { s3 }: { readonly s3: Pick<S3Client, 'send'> },
): Promise<CommandedState & { object?: VerifiedObject }> {
  const wanted = state.job.check_object;
  if (!wanted) return state;
  const name = `s3://${wanted.bucket}/${wanted.key}`;
  const head = await s3
    .send(new HeadObjectCommand({ Bucket: wanted.bucket, Key: wanted.key }))
    .catch((error: unknown) => {
      // An answer to HEAD has no body and so no error name: only the status is known (S3 API, HeadObject).
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      if (status === 404) {
        throw new DatastreamError(
          ErrorName.ObjectNotFound,
          `The commands succeeded, but ${name} does not exist, or its bucket does not.`,
          {
            cause: error,
          },
        );
      }
      if (status === 403) {
        throw new DatastreamError(
          ErrorName.ObjectAccessDenied,
          `S3 denies access to ${name}: the functions' role needs s3:GetObject and s3:ListBucket on this bucket. ` +
            'Name it in s3_bucket, or see whether it belongs to another account.',
          { cause: error },
        );
      }
      throw error;
    });
  const modified = head.LastModified ?? new Date(0);
  // LastModified has only whole seconds in S3.
  if (modified.getTime() < Math.floor(Date.parse(state.started_at) / 1000) * 1000) {
    throw new DatastreamError(
      ErrorName.ObjectStale,
      `The commands succeeded, but ${name} is of ${modified.toISOString()}, before this attempt began at ${state.started_at}.`,
    );
  }
  return { ...state, object: { ...wanted, size: head.ContentLength ?? 0, last_modified: modified.toISOString() } };
}

/** The function with its client, as Lambda and the embedded cloud both run it. */
export const createChecker = (clients: Parameters<typeof check>[1], log?: Parameters<typeof createHandler>[3]) =>
  createHandler('checker', CheckerEvent, (event) => check(event, clients), log);

export const handler = lazily(() => createChecker({ s3: new S3Client({ ...CLIENT, followRegionRedirects: true }) }));
