import { LocalBackend, type TerraformStack } from 'cdktf';

/**
 * Sets where Terraform keeps its state, both for `npx cdktf` and for a plain `terraform` in
 * cdktf.out/stacks/<stack>. The environment variable DATASTREAM_BACKEND chooses:
 *
 * - `local` (default): a file in the checkout, which a new synthesis does not touch.
 * - `s3`: an S3 backend. `terraform init` takes its settings from -backend-config. cdktf passes them from
 *   TF_CLI_ARGS_init="-backend-config=bucket=... -backend-config=key=... -backend-config=region=...".
 */
export function keepState(stack: TerraformStack): void {
  const backend = process.env.DATASTREAM_BACKEND || 'local';
  if (backend !== 'local' && backend !== 's3') {
    // Printed, not thrown: a stack trace would hide the message.
    console.error(`DATASTREAM_BACKEND is ${JSON.stringify(backend)}: write local or s3, or leave it out.`);
    process.exit(1);
  }
  // The path is relative to the stack's folder. cdktf's default is an absolute path in the checkout.
  new LocalBackend(stack, { path: `../../../terraform.${stack.node.id}.tfstate` });
  if (backend === 's3') stack.addOverride('terraform.backend', { s3: {}, local: undefined });
}
