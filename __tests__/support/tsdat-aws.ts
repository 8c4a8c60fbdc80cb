import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { CodePipelineClient } from '@aws-sdk/client-codepipeline';
import { ECRClient } from '@aws-sdk/client-ecr';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { createPreparer } from '../../lambdas/tsdat/preparer';
import { type Moto, type SentRequest, startMoto } from './moto';

/** The access key of the preparer's calls; everybody else's is `test`. */
const PREPARER_KEY = 'preparer';

type Answer = { readonly status?: number; readonly type?: string; readonly body: string };

/** moto with what it lacks of this system, and with the real preparer behind its function. */
export interface TsdatAws {
  readonly endpoint: string;
  /** Every request of Terraform, in its order. */
  readonly deployer: readonly SentRequest[];
  /** Every request of the preparer. */
  readonly preparer: readonly SentRequest[];
  /** What a call of StartPipelineExecution has started, by its token. */
  readonly releases: readonly string[];
  stop(): Promise<void>;
}

/** The SDK's clients of it. @param accessKeyId whose calls they are */
export function tsdatClients(endpoint: string, accessKeyId = 'test') {
  const client = { endpoint, region: 'us-west-2', credentials: { accessKeyId, secretAccessKey: 'test' } };
  return {
    ecr: new ECRClient(client),
    codepipeline: new CodePipelineClient(client),
    s3: new S3Client({ ...client, forcePathStyle: true }),
    lambda: new LambdaClient(client),
  };
}

/** @throws Error if moto_server cannot be started */
export async function startTsdatAws(): Promise<TsdatAws> {
  const moto: Moto = await startMoto({ MOTO_LAMBDA_STUB_ECR: 'false' });
  const deployer: SentRequest[] = [];
  const preparer: SentRequest[] = [];
  const stand = new StandIns();
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const bytes = Buffer.concat(chunks);
      const { method = '', url = '', headers } = request;
      const sent = { method, url, headers, body: bytes.toString() };
      (headers.authorization?.includes(`Credential=${PREPARER_KEY}/`) ? preparer : deployer).push(sent);
      const answer = await stand
        .answer(sent, endpoint())
        .catch((error): Answer => ({ status: 500, body: String(error) }));
      if (answer) {
        response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'application/x-amz-json-1.1' });
        response.end(answer.body);
        return;
      }
      const onward = http.request(`${moto.endpoint}${url}`, { method, headers, agent: false }, (reply) => {
        response.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(response);
      });
      onward.on('error', () => response.destroy());
      onward.end(bytes);
    });
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint: endpoint(),
    deployer,
    preparer,
    releases: stand.releases,
    async stop() {
      server.close();
      server.closeAllConnections();
      await moto.stop();
    },
  };
}

type Json = Record<string, unknown>;

/** CodeBuild and CodePipeline as Terraform uses them, layers of images, and notifications of buckets. */
class StandIns {
  readonly releases: string[] = [];
  readonly #projects = new Map<string, Json>();
  readonly #pipelines = new Map<string, Json>();
  readonly #notifications = new Map<string, string>();
  readonly #layers = new Set<string>();

  async answer(sent: SentRequest, endpoint: string): Promise<Answer | undefined> {
    const { method, url, headers, body } = sent;
    const invoked = /^\/2015-03-31\/functions\/([^/]+-preparer)\/invocations/.exec(url);
    if (method === 'POST' && invoked) return this.#invoke(body, endpoint);
    const bucket = /^\/([^/?]+)\/?\?notification/.exec(url)?.[1];
    if (bucket !== undefined) return this.#notification(method, bucket, body);
    const target = String(headers['x-amz-target'] ?? '');
    const [service = '', name = ''] = target.split('.');
    if (/^CodeBuild/.test(service)) return json(this.#codebuild(name, JSON.parse(body)));
    if (/^CodePipeline/.test(service)) return json(this.#codepipeline(name, JSON.parse(body)));
    return this.#layer(name, body);
  }

  async #invoke(body: string, endpoint: string): Promise<Answer> {
    const clock = { now: () => new Date(), sleep: async () => {} };
    const log = { info() {}, warn() {}, error: console.error, appendKeys() {}, resetKeys() {} };
    const run = createPreparer({ ...tsdatClients(endpoint, PREPARER_KEY), clock }, log as never);
    return { body: JSON.stringify(await run(JSON.parse(body))), type: 'application/json' };
  }

  #notification(method: string, bucket: string, body: string): Answer {
    if (method === 'PUT') this.#notifications.set(bucket, body);
    const none = '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>';
    return { body: method === 'PUT' ? '' : this.#notifications.get(bucket) || none, type: 'application/xml' };
  }

  #layer(name: string, body: string): Answer | undefined {
    if (name === 'InitiateLayerUpload') return json({ uploadId: 'upload', partSize: 10_485_760 });
    if (name === 'UploadLayerPart') return json({ uploadId: 'upload', lastByteReceived: 1 });
    if (name !== 'CompleteLayerUpload') return undefined;
    const { layerDigests = [] } = JSON.parse(body) as { layerDigests?: string[] };
    const [digest = ''] = layerDigests;
    if (this.#layers.has(digest)) {
      return { status: 400, body: JSON.stringify({ __type: 'LayerAlreadyExistsException', message: digest }) };
    }
    this.#layers.add(digest);
    return json({ layerDigest: digest });
  }

  #codebuild(name: string, input: Json): Json {
    const project =
      String(input.name ?? '')
        .split('/')
        .at(-1) ?? '';
    const arn = `arn:aws:codebuild:us-west-2:123456789012:project/${project}`;
    if (name === 'BatchGetProjects') {
      const names = (input.names as string[]).map((each) => each.split('/').at(-1) ?? '');
      return { projects: names.flatMap((each) => this.#projects.get(each) ?? []), projectsNotFound: [] };
    }
    if (name === 'DeleteProject') this.#projects.delete(project);
    if (name !== 'CreateProject' && name !== 'UpdateProject') return {};
    const stored = {
      queuedTimeoutInMinutes: 480,
      encryptionKey: 'arn:aws:kms:us-west-2:123456789012:alias/aws/s3',
      projectVisibility: 'PRIVATE',
      ...this.#projects.get(project),
      ...input,
      name: project,
      arn,
    };
    this.#projects.set(project, stored);
    return { project: stored };
  }

  #codepipeline(name: string, input: Json): Json {
    if (name === 'CreatePipeline' || name === 'UpdatePipeline') {
      const pipeline = input.pipeline as Json;
      this.#pipelines.set(String(pipeline.name), pipeline);
      return { pipeline };
    }
    const pipeline = this.#pipelines.get(String(input.name));
    if (name === 'GetPipeline') {
      if (!pipeline) return { __type: 'PipelineNotFoundException', message: String(input.name) };
      const pipelineArn = `arn:aws:codepipeline:us-west-2:123456789012:${input.name}`;
      return { pipeline, metadata: { pipelineArn, created: 1, updated: 1 } };
    }
    if (name === 'DeletePipeline') this.#pipelines.delete(String(input.name));
    if (name === 'ListTagsForResource') return { tags: [{ key: 'Project', value: 'cdktf-datastream' }] };
    if (name === 'ListPipelineExecutions') {
      return {
        pipelineExecutionSummaries: [{ status: 'Succeeded', startTime: Date.parse('2026-03-10T12:00:00Z') / 1000 }],
      };
    }
    if (name === 'StartPipelineExecution') {
      this.releases.push(String(input.clientRequestToken));
      return { pipelineExecutionId: '12345678-1234-1234-1234-123456789012' };
    }
    return {};
  }
}

const json = (value: Json): Answer => ({ status: '__type' in value ? 400 : 200, body: JSON.stringify(value) });
