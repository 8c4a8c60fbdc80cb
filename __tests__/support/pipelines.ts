/** A pipelines_config.yml of three configs, filled in. */
export const PIPELINES = `# A deployment of two pipelines.
github_org: river-lab
pipelines_repo_name: buoy-pipelines
aws_repo_name: buoy-aws

account_id: "123456789012"
region: us-west-2
input_bucket_name: buoy-input
output_bucket_name: buoy-output
create_buckets: True # these buckets are new

github_codestar_arn: arn:aws:codestar-connections:us-west-2:123456789012:connection/0a1b2c3d

pipelines:
  - name: lidar
    type: Ingest
    trigger: S3
    configs:
      humboldt:
        input_bucket_path: lidar/humboldt/
        config_file_path: pipelines/lidar/config/pipeline_humboldt.yaml
      morro:
        input_bucket_path: ./lidar/morro
        config_file_path: pipelines/lidar/config/pipeline_morro.yaml

  - name: lidar_vap
    type: VAP
    trigger: Cron
    schedule: Hourly
    configs:
      humboldt:
        config_file_path: pipelines/lidar_vap/config/pipeline.yaml
`;

/** The file with the first occurrence of each text replaced. @throws Error if a text is not in it */
export function changed(...changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`PIPELINES has no ${JSON.stringify(from)}.`);
    return text.replace(from, () => to);
  }, PIPELINES);
}
