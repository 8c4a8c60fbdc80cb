import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import type * as z from 'zod';
import { CLIENT } from '../runtime/clients';
import { systemClock } from '../runtime/clock';
import { createHandler, environment, type Log, lazily } from '../runtime/handler';
import { restore } from './archive';
import { isAlive, isArchived } from './cost';
import { type Carousel, deploymentOf, eachOf, jobsLedger } from './deployment';
import { ErrorName } from './errors';
import { KEYS } from './ledger';
import { fileOf, TurnState, turnEvent, turnOf } from './turn';

export type RestorerClients = Pick<Carousel, 'dynamo' | 's3' | 'clock' | 'deployment'>;

const RestorerEvent = turnEvent().extend({ state: TurnState });

/** Files of one call of the function: with 50 at once about 10 s. */
const FILES = 2_000;

/**
 * Restore: asks S3 for every file that the plan has chosen. Repeating it changes nothing: S3 answers that the restore
 * runs, or gives a copy that lives more days.
 *
 * @returns the turn's state; with `more`, the state calls again
 */
export async function restoreTurn(
  { state }: z.infer<typeof RestorerEvent>,
  clients: RestorerClients,
  log: Log,
): Promise<TurnState> {
  const ledger = jobsLedger(clients);
  const row = await ledger.get(KEYS.turn(state.turn));
  if (!row) return { ...state, more: false };
  const { tier, days, concurrency } = turnOf(row);
  const chosen = (await ledger.query(`turn#${state.turn}`, 'file#'))
    .map(fileOf)
    .filter((file) => file.state === 'CHOSEN');
  const answers: Record<string, number> = {};
  await eachOf(chosen.slice(0, FILES), concurrency, async (file) => {
    const now = clients.clock.now();
    // A file that needs no restore costs no request either.
    const answer = isAlive(file, now)
      ? isArchived(file) && !file.restoring
        ? ('alive' as const)
        : ('not needed' as const)
      : await restore(clients.s3, clients.deployment.archiveBucket, file, tier, file.days ?? days);
    answers[answer] = (answers[answer] ?? 0) + 1;
    const missing = answer === 'missing' && `${ErrorName.InputMissing}: S3 has no such object any more.`;
    await ledger.update(
      KEYS.turnFile(state.turn, file.key),
      missing ? { state: 'FAILED', error: missing } : { state: 'REQUESTED', asked: answer },
      { state: 'CHOSEN' },
    );
  });
  log.info('restores asked for', { turn: state.turn, ...answers });
  return { ...state, more: chosen.length > FILES };
}

/** The function with its clients, as Lambda and the embedded cloud both run it. */
export const createRestorer = (clients: RestorerClients, log?: Log) =>
  createHandler('restorer', RestorerEvent, (event, lines) => restoreTurn(event, clients, lines), log);

export const handler = lazily(() =>
  createRestorer({
    dynamo: new DynamoDBClient(CLIENT),
    s3: new S3Client(CLIENT),
    clock: systemClock,
    deployment: deploymentOf(environment('DEPLOYMENT')),
  }),
);
