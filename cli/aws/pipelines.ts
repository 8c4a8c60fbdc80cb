import { CodePipelineClient, ListPipelineExecutionsCommand } from '@aws-sdk/client-codepipeline';
import { EventBridgeClient, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { CLIENT } from '../../lambdas/runtime/clients';
import type { Objects } from '../pipeline-records';

/** What the commands ask of a deployment. */
export interface DeployedPipelines {
  readonly objects: Objects;
  /** Names of functions that begin with a prefix. */
  functions(prefix: string): Promise<string[]>;
  /** Names of rules that begin with a prefix. */
  rules(prefix: string): Promise<string[]>;
  /** The last execution of a CodePipeline; undefined if there was none. */
  execution(pipeline: string): Promise<{ readonly status: string; readonly time: Date } | undefined>;
  /** Calls a function for an event; Lambda repeats and keeps it as any other. */
  call(name: string, event: unknown): Promise<void>;
}

/** The deployment in a region, with the credentials of the environment (such as AWS_PROFILE). */
export function deployedPipelines(region: string): DeployedPipelines {
  const s3 = new S3Client({ ...CLIENT, region });
  const lambda = new LambdaClient({ ...CLIENT, region });
  const events = new EventBridgeClient({ ...CLIENT, region });
  const codepipeline = new CodePipelineClient({ ...CLIENT, region });
  return {
    objects: {
      list: async (Bucket, Prefix) => {
        const found: { key: string; modified: Date }[] = [];
        for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix })) {
          for (const { Key = '', LastModified = new Date(0) } of Contents)
            found.push({ key: Key, modified: LastModified });
        }
        return found;
      },
      read: async (Bucket, Key) => {
        try {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
          return await Body?.transformToString();
        } catch (error) {
          // It was removed since it was listed.
          if ((error as Error).name === 'NoSuchKey') return undefined;
          throw error;
        }
      },
      remove: async (Bucket, Key) => {
        await s3.send(new DeleteObjectCommand({ Bucket, Key }));
      },
    },
    functions: async (prefix) => {
      const names: string[] = [];
      for await (const { Functions = [] } of paginateListFunctions({ client: lambda }, {})) {
        names.push(...Functions.map(({ FunctionName = '' }) => FunctionName));
      }
      return names.filter((name) => name.startsWith(prefix));
    },
    rules: async (NamePrefix) => {
      const names: string[] = [];
      let NextToken: string | undefined;
      do {
        const page = await events.send(new ListRulesCommand({ NamePrefix, NextToken }));
        names.push(...(page.Rules ?? []).map(({ Name = '' }) => Name));
        NextToken = page.NextToken;
      } while (NextToken);
      return names;
    },
    execution: async (pipelineName) => {
      const { pipelineExecutionSummaries: [last] = [] } = await codepipeline.send(
        new ListPipelineExecutionsCommand({ pipelineName, maxResults: 1 }),
      );
      return last && { status: last.status ?? 'unknown', time: last.startTime ?? new Date(0) };
    },
    call: async (FunctionName, event) => {
      const Payload = Buffer.from(JSON.stringify(event));
      await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }));
    },
  };
}
