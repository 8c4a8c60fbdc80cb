import { withSuffix } from '../aws/name-length';

/** What follows `resource_prefix` in each name that nobody gives; upstream's. */
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
  submissionsName: '_submissions',
} as const;

/** A property that gives a name. */
export type NamedProperty = keyof typeof SUFFIXES;

/** The instances' profile of a deployment that gives it no name. @param prefix a value, no Terraform variable */
export function defaultProfileName(prefix: string): string {
  return withSuffix(prefix, SUFFIXES.profileName);
}
