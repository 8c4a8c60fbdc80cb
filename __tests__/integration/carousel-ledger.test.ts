import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { JOBS_TABLE } from '../../constructs/carousel/table-shapes';
import { type Dynamo, KEYS, Ledger, WAITING_INDEX } from '../../lambdas/carousel/ledger';
import { virtualClock } from '../../local/clock';
import { EmbeddedDynamoDb, tableInput } from '../../local/dynamodb';
import { Service } from '../../local/service';
import { type Moto, startMoto } from '../support/moto';
import { describeWith } from '../support/tools';

/** Everything that the ledger asks of DynamoDB, with its answers. */
async function story(dynamo: Dynamo): Promise<unknown[]> {
  const ledger = new Ledger(dynamo, 'jobs');
  const key = KEYS.turnJob('t', 'one');
  const told: unknown[] = [];
  const tell = async (answer: Promise<unknown>) => {
    told.push(await answer);
  };
  await tell(ledger.create({ ...key, state: 'WAITING', open: 2, list: ['a', 'b'], flag: true }));
  await tell(ledger.create({ ...key, state: 'AGAIN' }));
  await tell(ledger.get(key));
  await tell(ledger.update(key, { state: 'CLAIMED', claim: 'x' }, { state: ['WAITING', 'RETURNED'] }));
  await tell(ledger.update(key, { state: 'CLAIMED', claim: 'y' }, { state: 'WAITING' }));
  await tell(ledger.update(key, { claim: undefined }, { claim: 'x' }, { open: -1 }));
  await tell(ledger.update(key, {}, { claim: undefined }, { open: -1 }));
  await tell(ledger.update(KEYS.turn('new'), { execution: 'e' }));
  await ledger.putAll(
    Array.from({ length: 30 }, (_, index) => ({
      ...KEYS.request(`r${String(index).padStart(2, '0')}`),
      request: `r${index}`,
      waiting: index % 2 ? 'yes' : undefined,
      since: 100 - index,
    })),
  );
  await tell(ledger.index(WAITING_INDEX.name, WAITING_INDEX.hash, 'yes'));
  await tell(ledger.query('turn#t', 'job#'));
  await tell(ledger.query('turn#t', 'file#'));
  await tell(ledger.scan().then((rows) => rows.length));
  await tell(ledger.remove(key, 'state', 'WAITING'));
  await tell(ledger.remove(key, 'state', 'CLAIMED'));
  await tell(ledger.get(key));
  return told;
}

describeWith(['moto_server'], 'the ledger on two readers of its expressions', () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
  });
  afterAll(() => moto?.stop());

  test('gives the same answers on the embedded DynamoDB and on moto', async () => {
    const clock = virtualClock(new Date('2026-11-28T09:00:00Z'));
    const embedded = new EmbeddedDynamoDb(clock, new Service(clock, 0));
    embedded.table('jobs', JOBS_TABLE);
    const client = new DynamoDBClient({
      endpoint: moto.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    await client.send(new CreateTableCommand(tableInput('jobs', JOBS_TABLE)));
    const here = await clock.run(story(embedded.client()));

    expect(here).toHaveLength(15);
    expect(here[4]).toBeUndefined();
    expect(await story(client)).toEqual(here);
  });
});
