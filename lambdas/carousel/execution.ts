import { DescribeExecutionCommand } from '@aws-sdk/client-sfn';
import type { Sfn } from './deployment';

/** Whether a turn's execution runs, or waits for its redrive. Step Functions forgets one 90 days after its end. */
export async function executionRuns(executionArn: string, { sfn }: { readonly sfn: Sfn }): Promise<boolean> {
  try {
    const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return status === 'RUNNING' || status === 'PENDING_REDRIVE';
  } catch (error) {
    if ((error as Error).name === 'ExecutionDoesNotExist') return false;
    throw error;
  }
}
