import type { Pipeline, PipelineConfig, PipelinesConfig } from './model';
import { baseName, functionName, ownBuckets } from './names';

/** A function of a branch's deployment. */
export interface DeployedFunction {
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly site: PipelineConfig;
}

/** The names of a branch's deployment. */
export interface Deployment {
  readonly config: PipelinesConfig;
  readonly base: string;
  readonly pipelineName: string;
  readonly artifactsBucket: string;
  readonly recordsBucket: string;
  readonly functions: readonly DeployedFunction[];
}

export function deploymentOf(config: PipelinesConfig, branch: string): Deployment {
  const base = baseName(config.pipelinesRepoName, branch);
  const { artifacts, records } = ownBuckets(base, config.accountId);
  return {
    config,
    base,
    pipelineName: `${base}-build-pipeline`,
    artifactsBucket: artifacts,
    recordsBucket: records,
    functions: config.pipelines.flatMap((pipeline) =>
      pipeline.configs.map((site) => ({ name: functionName(base, pipeline.name, site.id), pipeline, site })),
    ),
  };
}
