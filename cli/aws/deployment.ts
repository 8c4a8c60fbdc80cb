import { readFileSync } from 'node:fs';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { record, text } from '../../files/values';
import { CLIENT } from '../../lambdas/runtime/clients';

/** A deployed state machine, and AWS's clients of its region. */
export interface Deployed {
  readonly arn: string;
  readonly region: string;
  readonly scheduler: SchedulerClient;
  readonly sfn: SFNClient;
}

const ARN = /^arn:aws[a-z-]*:states:([a-z0-9-]+):\d{12}:stateMachine:[A-Za-z0-9_-]{1,80}$/;

/** Where `npx cdktf deploy` and Terraform keep the state, from the checkout's folder. */
const STATE = 'terraform.datastream.tfstate';

/**
 * The state machine that the user means: `--arn`, else DATASTREAM_ARN, else the output of the Terraform state in this
 * folder.
 *
 * @returns it; or in one sentence why it is not known
 */
export function deployed(arn: string | undefined): Deployed | { readonly error: string } {
  const found = arn ?? (process.env.DATASTREAM_ARN || arnInState());
  if (found === undefined) {
    return {
      error: `Which state machine is meant is not known: write --arn, set DATASTREAM_ARN, or run this in the folder of ${STATE}.`,
    };
  }
  const region = ARN.exec(found)?.[1];
  if (region === undefined) {
    return {
      error: `'${found}' is no state machine's ARN: write the output datastream_arn, such as arn:aws:states:us-east-1:123456789012:stateMachine:datastream.`,
    };
  }
  const config = { ...CLIENT, region };
  return { arn: found, region, scheduler: new SchedulerClient(config), sfn: new SFNClient(config) };
}

function arnInState(): string | undefined {
  try {
    const { outputs } = record(JSON.parse(readFileSync(STATE, 'utf8')));
    return text(record(record(outputs).datastream_arn).value);
  } catch {
    // There is none, or a state of another kind: the user is told what to write.
    return undefined;
  }
}
