import { type CostExplorerClient, type Expression, GetCostAndUsageCommand } from '@aws-sdk/client-cost-explorer';
import { Tag } from '../../lambdas/datastream/tags';

/** What AWS has billed for a state machine's instances, in dollars. */
export interface Bill {
  readonly instances: number;
  readonly volumes: number;
  /** What else has the tag, such as data transfer of the instances. */
  readonly other: number;
  /** Whether AWS may still change these sums. */
  readonly estimated: boolean;
}

/**
 * Asks Cost Explorer what AWS has billed for everything with the tag of a state machine. Each call costs $0.01 (AWS Cost
 * Management pricing, Cost Explorer API), and a page is a call: one month has one page.
 *
 * @param from the first day, and `to` the day after the last one: YYYY-MM-DD
 * @throws Error of the SDK
 */
export async function billOf(
  stateMachineArn: string,
  { from, to }: { readonly from: string; readonly to: string },
  client: Pick<CostExplorerClient, 'send'>,
): Promise<Bill> {
  const Filter: Expression = { Tags: { Key: Tag.stateMachine, Values: [stateMachineArn] } };
  const sums = { instances: 0, volumes: 0, other: 0 };
  let estimated = false;
  let NextPageToken: string | undefined;
  do {
    const page = await client.send(
      new GetCostAndUsageCommand({
        TimePeriod: { Start: from, End: to },
        Granularity: 'MONTHLY',
        Metrics: ['UnblendedCost'],
        Filter,
        GroupBy: [{ Type: 'DIMENSION', Key: 'USAGE_TYPE' }],
        NextPageToken,
      }),
    );
    for (const { Groups = [], Estimated } of page.ResultsByTime ?? []) {
      estimated ||= Estimated === true;
      for (const { Keys: [type = ''] = [], Metrics } of Groups) {
        sums[partOf(type)] += Number(Metrics?.UnblendedCost?.Amount ?? 0);
      }
    }
    NextPageToken = page.NextPageToken;
  } while (NextPageToken);
  return { ...sums, estimated };
}

/** A usage type begins with the region's code in all regions but us-east-1: `BoxUsage:m8g.large`, `EUW1-EBS:VolumeUsage.gp3`. */
function partOf(usageType: string): 'instances' | 'volumes' | 'other' {
  if (/(^|-)(BoxUsage|SpotUsage)(:|$)/.test(usageType)) return 'instances';
  return /(^|-)EBS:Volume/.test(usageType) ? 'volumes' : 'other';
}
