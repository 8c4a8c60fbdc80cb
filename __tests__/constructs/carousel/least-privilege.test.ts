import { RestoreObjectCommand } from '@aws-sdk/client-s3';
import { ARCHIVE, OUTPUTS, TURN_MACHINE } from '../../../local/carousel';
import type { Faults } from '../../../local/service';
import { DEFAULTS, healthyContainer, JOBS, type Run, testCarousel } from '../../support/carousel';
import { carouselStack, DEPLOYED_JOBS, HSDS, policiesOf } from '../../support/carousel-stack';
import { type Statement, violations } from '../../support/least-privilege';

jest.mock('../../../constructs/aws/bundle', () => jest.requireActual('../../support/unbundled'));

/** A call that a function has made, with what it needs. */
interface Needed {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}

const SERVICES: readonly [RegExp, string][] = [
  [/^(GetItem|PutItem|UpdateItem|DeleteItem|Query|Scan|BatchWriteItem)$/, 'dynamodb'],
  [/^(HeadObject|GetObject|PutObject|ListObjectsV2|RestoreObject)$/, 's3'],
  [/^(SubmitJob|TerminateJob|ListJobs|DescribeJobs)$/, 'batch'],
  [/^(DescribeExecution|SendTaskSuccess)$/, 'states'],
  [/^(SendMessage|GetQueueAttributes)$/, 'sqs'],
];
/** S3's actions are not always called as its operations (S3 User Guide, required permissions). */
const S3_ACTIONS: Readonly<Record<string, string>> = { HeadObject: 'GetObject', ListObjectsV2: 'ListBucket' };
const TABLES: Readonly<Record<string, string>> = {
  BasicFusionFiles: '<tables_files.arn>',
  DataCarouselJobs: '<tables_jobs.arn>',
};

function needed(operation: string, input: Record<string, unknown>, role: string): Needed[] {
  const service = SERVICES.find(([pattern]) => pattern.test(operation))?.[1];
  if (!service) throw new Error(`${operation} is of no service that ${__filename} knows: add it there.`);
  const need = (action: string, resource: string): Needed => ({ role, action: `${service}:${action}`, resource });
  const { Bucket, Key, TableName, IndexName, RequestItems, jobDefinition, executionArn } = input as Record<
    string,
    string
  >;
  switch (service) {
    case 'dynamodb': {
      const table = TABLES[TableName ?? Object.keys(RequestItems ?? {})[0] ?? ''] ?? '';
      return [need(operation, IndexName ? `${table}/index/${IndexName}` : table)];
    }
    case 's3':
      return [need(S3_ACTIONS[operation] ?? operation, `arn:aws:s3:::${Bucket}${Key ? `/${Key}` : ''}`)];
    case 'batch':
      if (operation === 'SubmitJob') {
        return [
          need('SubmitJob', '<queue.arn>'),
          need('SubmitJob', `arn:aws:batch:REGION:ACCOUNT:job-definition/${jobDefinition}`),
          ...(input.tags ? [need('TagResource', 'arn:aws:batch:REGION:ACCOUNT:job/id')] : []),
        ];
      }
      return [need(operation, operation === 'TerminateJob' ? 'arn:aws:batch:REGION:ACCOUNT:job/id' : '*')];
    case 'states':
      return [
        need(
          operation,
          operation === 'SendTaskSuccess'
            ? 'arn:aws:states:REGION:ACCOUNT:stateMachine:datacarousel-turn'
            : String(executionArn).replace('us-east-1:000000000000', 'REGION:ACCOUNT'),
        ),
      ];
    default:
      return [need(operation, '<indexing_work.arn>')];
  }
}

const allows = ({ Action, Resource }: Statement, { action, resource }: Needed) =>
  Action.includes(action) &&
  Resource.some((arn) =>
    new RegExp(
      `^${arn
        .split('*')
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`,
    ).test(resource),
  );

describe('the functions of the Carousel', () => {
  const policies = policiesOf(carouselStack({ jobs: DEPLOYED_JOBS, hsds: HSDS }));
  const calls: Needed[] = [];

  beforeAll(async () => {
    const hear: Faults = (operation, _call, input, caller) => {
      if (caller !== undefined) calls.push(...needed(operation, input as Record<string, unknown>, caller));
      return undefined;
    };
    const scene = async (
      act: (carousel: Awaited<ReturnType<typeof testCarousel>>) => Promise<unknown>,
      options = {},
    ) => {
      const runs: Run[] = [];
      const holder: { cloud?: never } = {};
      const carousel = await testCarousel(4, {
        faults: hear,
        hsds: true,
        container: (each) =>
          each.definition === 'hsload'
            ? Promise.resolve({ code: 0 })
            : healthyContainer(() => holder.cloud as never, runs)(each),
        ...options,
      });
      Object.assign(holder, { cloud: carousel.cloud });
      await act(carousel);
      carousel.cloud.close();
    };
    await scene(async ({ cloud, keys, run, turn, clock }) => {
      await run(cloud.invoke('requester', { username: 'a', files: keys, job: { definition: 'Radiance' } }));
      await run(cloud.invoke('requester', { username: 'b', files: keys, job: { definition: 'Mosaic', run: 'all' } }));
      for (const query of ["MISR_Path = '1'", "Year = '2015' and Month = '12'", "Orbit = '1'"]) {
        await run(cloud.invoke('requester', { username: 'c', query, job: { definition: 'Radiance' } }).catch(() => {}));
      }
      cloud.s3.remove(ARCHIVE, keys[0] ?? '');
      await turn({ requests: 'waiting', days: 9 });
      await run(clock.sleep(1_200_000));
    });
    await scene(async ({ cloud, keys, turn }) => {
      cloud.s3.put(OUTPUTS, 'manifests/m.csv', `${ARCHIVE},${keys[0]}\n`);
      await turn({ manifest: `s3://${OUTPUTS}/manifests/m.csv`, job: { definition: 'Radiance' } });
    });
    // Stopped, found by the reaper's schedule alone, and gone on with; a second turn asks for the first.
    await scene(
      async ({ cloud, clock, keys, request, run, turn }) => {
        await request(keys);
        const first = cloud.start({ requests: 'waiting' }, 'turn-1');
        clock.after(2 * 60_000, () => void cloud.start({ requests: 'waiting' }, 'turn-2'));
        clock.after(20 * 60_000, () => first.stop());
        await run(first.ended);
        await run(clock.sleep(1_500_000));
        await turn({ turn: 'turn-1' }, 'turn-3');
      },
      { defaults: { ...DEFAULTS, tier: 'Expedited' }, deliver: () => [] },
    );
    await scene(({ turn }) => turn({ turn: 'none' }));
    // Copies that were there before, and would expire under a job of two days, are extended.
    await scene(
      async ({ cloud, clock, keys, request, run, turn }) => {
        const RestoreRequest = { Days: 1, GlacierJobParameters: { Tier: 'Expedited' as const } };
        for (const Key of keys) {
          await run(cloud.clients().s3.send(new RestoreObjectCommand({ Bucket: ARCHIVE, Key, RestoreRequest })));
        }
        await run(clock.sleep(3_600_000));
        await request(keys);
        await turn({ requests: 'waiting', days: 1 });
      },
      { jobs: { Radiance: { ...JOBS.Radiance, timeoutSeconds: 48 * 3600, attempts: 1 } } },
    );
    // A turn is stopped and settled while the reply to SubmitJob is on its way.
    await scene(
      async ({ cloud, clock, keys, request, run }) => {
        await request(keys);
        const execution = cloud.start({ requests: 'waiting' }, 'turn-1');
        clock.after(6 * 60_000, () => execution.stop());
        await run(execution.ended);
        await run(clock.sleep(1_500_000));
      },
      {
        defaults: { ...DEFAULTS, tier: 'Expedited' },
        faults: ((operation, call, input, caller) =>
          hear(operation, call, input, caller) ??
          (operation === 'SubmitJob' ? { replyDelay: 600_000 } : undefined)) as Faults,
      },
    );
    // The hours of a turn are over while its jobs run.
    await scene(
      async ({ keys, request, turn }) => {
        await request(keys);
        await turn();
      },
      { defaults: { ...DEFAULTS, tier: 'Expedited', turnTimeoutHours: 0.5 } },
    );
    expect(TURN_MACHINE).toMatch(/datacarousel-turn$/);
  });

  test('may make every call that they make', () => {
    const refused = calls.filter(
      (call) => !policies[`${call.role}-role`]?.Statement.some((statement) => allows(statement, call)),
    );

    expect(calls.length).toBeGreaterThan(500);
    expect([...new Set(refused.map(({ role, action, resource }) => `${role}: ${action} on ${resource}`))]).toEqual([]);
  });

  test('may do nothing that they never do', () => {
    const roles = ['requester', 'planner', 'restorer', 'follower', 'reporter', 'reaper'];
    const unused = roles.flatMap((role) =>
      (policies[`${role}-role`]?.Statement ?? []).flatMap((statement) =>
        // The function's own log is Lambda's doing.
        statement.Sid.startsWith('Log') || statement.Sid === 'TellMissingObject'
          ? []
          : statement.Action.filter(
              (action) =>
                !calls.some((call) => call.role === role && call.action === action && allows(statement, call)),
            ).map((action) => `${role}: ${action} (${statement.Sid})`),
      ),
    );

    expect(unused).toEqual([]);
  });

  test('are allowed no wildcard of actions, and no resource * where AWS takes an ARN', () => {
    // Batch's listing actions and ECS' discovery take no ARN (Service Authorization Reference).
    const known = /batch:(ListJobs|DescribeJobs) |ecs:DiscoverPollEndpoint |ecr:GetAuthorizationToken /;
    const found = Object.entries(policies).flatMap(([role, policy]) =>
      violations(policy).map((each) => `${role}: ${each}`),
    );

    expect(found.filter((each) => !known.test(each))).toEqual([]);
  });
});
