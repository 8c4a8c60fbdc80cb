import path from 'node:path';
import { AwsProvider } from '@cdktf/provider-aws/lib/provider';
import { App, TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { declareDatastream } from './stack';

/**
 * The Terraform module: variables, DataStream and outputs. The calling configuration has the provider, region and
 * state. The resources' addresses are the checkout's: `moved` blocks take a deployment from one to the other.
 */
class DatastreamModule extends TerraformStack {
  constructor(scope: Construct, id: string, matrix: string | undefined) {
    super(scope, id);
    // cdktf synthesises no resource without a provider, and no stack without a backend. The overrides remove both.
    new AwsProvider(this, 'aws');
    this.addOverride('provider', undefined);
    this.addOverride('terraform', {
      backend: undefined,
      required_version: '>= 1.5',
      // The constructs use only attributes that provider versions 5 and 6 both have (see CurrentAws).
      required_providers: { aws: { source: 'hashicorp/aws', version: '>= 5.100, < 7' } },
    });
    declareDatastream(this, matrix);
  }
}

/**
 * Synthesises the module.
 *
 * @param matrix the file of a schedule matrix; by default there are no schedules
 * @returns the folder of its cdk.tf.json; the paths in that file are relative to the folder
 */
export function synthesiseModule(outdir: string, matrix?: string): string {
  const app = new App({ outdir });
  const { node } = new DatastreamModule(app, 'datastream', matrix);
  app.synth();
  return path.join(outdir, 'stacks', node.id);
}
