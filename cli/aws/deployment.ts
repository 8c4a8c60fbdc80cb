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
  /** The names of all its functions in Lambda, where the Terraform state in this folder is its own; else none. */
  readonly functions: readonly string[];
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
  const found = arn ?? (process.env.DATASTREAM_ARN || arnIn(outputs()));
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
  const stored = outputs();
  const functions = arnIn(stored) === found ? namesIn(stored) : [];
  return { arn: found, region, scheduler: new SchedulerClient(config), sfn: new SFNClient(config), functions };
}

/** The outputs of the Terraform state in this folder; none where there is no state, or one of another kind. */
function outputs(): Readonly<Record<string, unknown>> {
  try {
    return record(record(JSON.parse(readFileSync(STATE, 'utf8'))).outputs);
  } catch {
    return {};
  }
}

const arnIn = ({ datastream_arn }: Readonly<Record<string, unknown>>) => text(record(datastream_arn).value);

function namesIn({ lambda_function_names }: Readonly<Record<string, unknown>>): string[] {
  return Object.values(record(record(lambda_function_names).value)).flatMap((name) => text(name) ?? []);
}
