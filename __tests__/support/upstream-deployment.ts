/**
 * The deployment of upstream's Terraform of 2025, with the types, names and variables of its resources. Each resource
 * has only the properties that AWS requires. The caller must write the functions' archive, `function.zip`, beside it.
 */

const trust = (service: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  });

const policy = (name: string) => ({
  name,
  policy: JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'ec2:DescribeInstances', Resource: '*' }],
  }),
});

const SSM_CORE = 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore';
const FUNCTIONS = ['starter', 'commander', 'poller', 'checker', 'stopper'];

const VARIABLES = [
  'region',
  'sm_name',
  'sm_role_name',
  ...FUNCTIONS.map((name) => `${name}_lambda_name`),
  'lambda_policy_name',
  'lambda_role_name',
  'lambda_invoke_policy_name',
  'ec2_role',
  'ec2_policy_name',
  'profile_name',
];

/** Upstream's configuration, for a main.tf.json. */
export const UPSTREAM = {
  provider: { aws: { region: '${var.region}' } },
  variable: Object.fromEntries(VARIABLES.map((name) => [name, {}])),
  resource: {
    aws_iam_role: {
      ec2_role: { name: '${var.ec2_role}', assume_role_policy: trust('ec2.amazonaws.com') },
      lambda_role: { name: '${var.lambda_role_name}', assume_role_policy: trust('lambda.amazonaws.com') },
      iam_for_sfn: { name: '${var.sm_role_name}', assume_role_policy: trust('states.amazonaws.com') },
    },
    aws_iam_policy: {
      ec2_policy: policy('${var.ec2_policy_name}'),
      datastreamlambda_policy: policy('${var.lambda_policy_name}'),
      lambda_invoke_policy: policy('${var.lambda_invoke_policy_name}'),
    },
    aws_iam_policy_attachment: {
      datastream_attachment: {
        name: 'datastream_attachment',
        roles: ['${aws_iam_role.lambda_role.name}'],
        policy_arn: '${aws_iam_policy.datastreamlambda_policy.arn}',
      },
    },
    aws_iam_role_policy_attachment: {
      ec2_role_custom_policy_attach: {
        role: '${aws_iam_role.ec2_role.name}',
        policy_arn: '${aws_iam_policy.ec2_policy.arn}',
      },
      ssm_policy_attachment: { role: '${aws_iam_role.ec2_role.name}', policy_arn: SSM_CORE },
      ssm_policy_attachment2: { role: '${aws_iam_role.lambda_role.name}', policy_arn: SSM_CORE },
      lambda_invoke_attachment: {
        role: '${aws_iam_role.iam_for_sfn.name}',
        policy_arn: '${aws_iam_policy.lambda_invoke_policy.arn}',
      },
    },
    aws_iam_instance_profile: {
      instance_profile: { name: '${var.profile_name}', role: '${aws_iam_role.ec2_role.name}' },
    },
    aws_lambda_function: Object.fromEntries(
      FUNCTIONS.map((name) => [
        `${name}_lambda`,
        {
          function_name: `\${var.${name}_lambda_name}`,
          role: '${aws_iam_role.lambda_role.arn}',
          handler: 'lambda_function.lambda_handler',
          runtime: 'python3.12',
          filename: 'function.zip',
          timeout: 900,
        },
      ]),
    ),
    aws_sfn_state_machine: {
      datastream_state_machine: {
        name: '${var.sm_name}',
        role_arn: '${aws_iam_role.iam_for_sfn.arn}',
        definition: JSON.stringify({
          StartAt: 'EC2StarterFromAMI',
          States: {
            EC2StarterFromAMI: {
              Type: 'Task',
              Resource: 'arn:aws:states:::lambda:invoke',
              Parameters: { FunctionName: '${aws_lambda_function.starter_lambda.arn}:$LATEST' },
              End: true,
            },
          },
        }),
      },
    },
  },
};
