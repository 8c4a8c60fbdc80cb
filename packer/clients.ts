import { EC2Client } from '@aws-sdk/client-ec2';
import { SSMClient } from '@aws-sdk/client-ssm';

/** Turns a call that hangs into an error. Without a limit the SDK waits forever. */
const LIMITS = {
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
} as const;

/** The AWS clients of one region. */
export interface Clients {
  readonly ec2: Pick<EC2Client, 'send'>;
  readonly ssm: Pick<SSMClient, 'send'>;
}

/** @param ec2Endpoint the template's custom_endpoint_ec2; empty for AWS's own endpoint */
export function clientsIn(region: string, ec2Endpoint = ''): Clients {
  return {
    ec2: new EC2Client({ ...LIMITS, region, ...(ec2Endpoint && { endpoint: ec2Endpoint }) }),
    ssm: new SSMClient({ ...LIMITS, region }),
  };
}
