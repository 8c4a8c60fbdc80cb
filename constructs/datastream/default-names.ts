import { withSuffix } from '../aws/name-length';

/** Upstream's suffixes: they follow `resource_prefix` in each name that the user does not set. */
export const SUFFIXES = {
  smRoleName: '_sm_role',
  starterLambdaName: '_start_ec2',
  commanderLambdaName: '_ec2_commander',
  pollerLambdaName: '_ec2_command_poller',
  checkerLambdaName: '_s3_object_checker',
  stopperLambdaName: '_ec2_stopper',
  lambdaPolicyName: '_lambda_policy',
  lambdaRoleName: '_lambda_role',
  lambdaInvokePolicyName: '_lambda_invoke_policy',
  ec2Role: '_ec2_role',
  ec2PolicyName: '_ec2_policy',
  profileName: '_ec2_profile',
  schedulerRoleName: '_schedules_role',
  schedulerPolicyName: '_schedules_policy',
  scheduleGroupName: '_schedules',
  submissionsName: '_submissions',
} as const;

/** A property that sets a name. */
export type NamedProperty = keyof typeof SUFFIXES;

/** The default name of the instances' profile. @param prefix a plain string, not a Terraform variable */
export function defaultProfileName(prefix: string): string {
  return withSuffix(prefix, SUFFIXES.profileName);
}
