import { version } from '../package.json';

interface Variable {
  readonly type: string;
  readonly description: string;
  /** A variable without a default is required. */
  readonly default?: unknown;
}

/** The members of the module's JSON that this folder reads. */
export interface Module {
  readonly terraform: {
    readonly required_version: string;
    readonly required_providers: { readonly aws: { readonly version: string } };
  };
  readonly variable: Readonly<Record<string, Variable>>;
  readonly output: Readonly<Record<string, { readonly description: string }>>;
  readonly resource: { readonly aws_lambda_function: Readonly<Record<string, { filename: string }>> };
}

/** The README of the Terraform module, from its variables and outputs. */
export function readme({ terraform, variable, output }: Module): string {
  return `# datastream

Terraform module of cdktf-datastream ${version}: a Step Functions state machine that runs one job on one fresh EC2 instance for each execution, verifies its object in S3 and ends the instance.

It is generated, with the functions' code in \`functions/\`: do not edit it. Neither Node.js nor CDKTF is needed to deploy it.

## Use

\`\`\`hcl
provider "aws" {
  region = "us-east-1"
}

module "datastream" {
  source  = "./terraform-module"
  sm_name = "datastream"
}

output "datastream_arn" {
  value = module.datastream.datastream_arn
}
\`\`\`

Terraform ${terraform.required_version}; provider \`hashicorp/aws\` ${terraform.required_providers.aws.version}. The module is applied in tests with 5.100; with 6 its attributes are checked against the provider's schema, and it is not applied.

- **Region.** There is no variable for it: the module deploys to the region of the provider that it is given, \`providers = { aws = aws.west }\` for another one.
- **Several instances.** \`count\`, \`for_each\` and several \`module\` blocks work. Each needs an \`sm_name\` of its own, and a \`resource_prefix\` of its own where that is given.
- **A second region** needs another \`resource_prefix\` (or \`sm_name\`, where no prefix is given): names of IAM roles are an account's, not a region's.
- **A name that is taken.** Terraform ends with AWS's error, such as EntityAlreadyExists, before it touches anything of the deployment that has the name. \`terraform destroy\` removes what was made until then.
- **VPC and bucket** may be resources of the same configuration: give their attributes (\`vpc_id = aws_vpc.jobs.id\`), not a \`depends_on\`, which would put off what the plan can know.

${schedules(output)}## Variables

Null and an empty string count as left out. A wrong value fails at plan with a sentence that says what to write. A name that is left out begins with \`resource_prefix\`, or else with \`sm_name\`.

${table(
  ['name', 'type', 'default', 'description'],
  requiredFirst(variable).map(([name, { type, description, ...rest }]) => [
    `\`${name}\``,
    `\`${type}\``,
    'default' in rest ? `\`${JSON.stringify(rest.default)}\`` : 'required',
    description,
  ]),
)}

## Outputs

${table(
  ['name', 'description'],
  Object.entries(output).map(([name, { description }]) => [`\`${name}\``, description]),
)}

## Upgrading

Replace this folder, or the version in \`source\`, by a newer one, then run \`terraform init\` and \`terraform apply\`, also while jobs run: functions are published as versions, and an execution goes on with those of the deployment that it began under. Do not change the names of functions meanwhile.

## Building it

In a checkout of cdktf-datastream, \`npm ci\` and \`npm run module\` write this folder to \`dist/terraform-module\`, and the same files to \`dist/terraform-module.zip\`. The same sources give the same bytes. Terraform takes the archive from a web server or a bucket: \`source = "s3::https://s3.us-east-1.amazonaws.com/my-bucket/terraform-module-${version}.zip"\`.

The checkout's \`docs/terraform-module.md\` says how a deployment by CDKTF moves to this module, and \`docs/moving-from-upstream.md\` how one of ngen-datastream's own Terraform does.
`;
}

/** What is to know of a module with schedules; empty for one without. */
function schedules(output: Module['output']): string {
  if (!('schedules_group_name' in output)) return '';
  return `## Schedules

This module was made from a checkout whose \`cdktf.json\` names a schedule matrix: it has one schedule for each line of it, in UTC, and the planner that starts the jobs. The matrix and its templates are in \`functions/planner.zip\`. To change them, make the module again. The variables \`environment_suffix\` and \`*_ami_id\` replace variables of the matrix.

`;
}

function requiredFirst(variables: Module['variable']): [string, Variable][] {
  return Object.entries(variables).sort(([, a], [, b]) => Number('default' in a) - Number('default' in b));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
