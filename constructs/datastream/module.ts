import path from 'node:path';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { App, TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { declareDatastream } from './stack';

/**
 * The Terraform module: variables, DataStream and outputs. Provider, region and state are those of the configuration that
 * calls it; the addresses are the checkout's, so that `moved` blocks take a deployment from one to the other.
 */
class DatastreamModule extends TerraformStack {
  constructor(scope: Construct, id: string, matrix: string | undefined) {
    super(scope, id);
    // cdktf makes neither a resource without a provider nor a stack without a backend.
    new AwsProvider(this, 'aws');
    this.addOverride('provider', undefined);
    this.addOverride('terraform', {
      backend: undefined,
      required_version: '>= 1.5',
      // Only attributes that both generations have are used (see CurrentAws).
      required_providers: { aws: { source: 'hashicorp/aws', version: '>= 5.100, < 7' } },
    });
    declareDatastream(this, matrix);
  }
}

/**
 * Synthesises the module.
 *
 * @param matrix the file of a schedule matrix; default: none
 * @returns the folder of its cdk.tf.json, to which the paths in it are relative
 */
export function synthesiseModule(outdir: string, matrix?: string): string {
  const app = new App({ outdir });
  const { node } = new DatastreamModule(app, 'datastream', matrix);
  app.synth();
  return path.join(outdir, 'stacks', node.id);
}
