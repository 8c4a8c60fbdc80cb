import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SSMClient } from '@aws-sdk/client-ssm';

/** Step Functions' answers that moto 5 lacks. Without them, Terraform's AWS provider repeats its calls forever. */
const MISSING: Readonly<Record<string, unknown>> = {
  'AWSStepFunctions.ValidateStateMachineDefinition': { result: 'OK', diagnostics: [] },
  'AWSStepFunctions.ListStateMachineVersions': { stateMachineVersions: [] },
};

/**
 * Glue's classifiers and the end of a connection, which moto 5 lacks too; the answers have no members that Terraform would
 * change.
 */
const GLUE: Readonly<Record<string, (input: Record<string, unknown>) => unknown>> = {
  'AWSGlue.CreateClassifier': () => ({}),
  'AWSGlue.GetClassifier': ({ Name }) => ({
    Classifier: {
      CsvClassifier: {
        Name,
        Delimiter: '\t',
        ContainsHeader: 'PRESENT',
        Serde: 'LazySimpleSerDe',
        AllowSingleColumn: false,
        DisableValueTrimming: true,
      },
    },
  }),
  'AWSGlue.DeleteClassifier': () => ({}),
  'AWSGlue.DeleteConnection': () => ({}),
};

/** A complete request of a client. */
export interface SentRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A running emulation of AWS. */
export interface Moto {
  /** For AWS_ENDPOINT_URL and the SDK's `endpoint`. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/**
 * Credentials and settings for programs and SDK clients that call an emulation. They use no profile and no metadata
 * service. The default region is us-east-1.
 */
export function motoEnvironment(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

/** The SDK's clients of an emulation, in one region. */
export function motoClients(endpoint: string, region = 'us-east-1') {
  const client = { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  return {
    ec2: new EC2Client(client),
    // One attempt, like the commander's client: a SendCommand whose reply was lost has been carried out.
    ssm: new SSMClient({ ...client, maxAttempts: 1 }),
    // moto has only one host name for all buckets.
    s3: new S3Client({ ...client, forcePathStyle: true }),
    sfn: new SFNClient(client),
  };
}

/**
 * Starts moto_server on a free port, behind a small proxy. The proxy answers the calls that moto does not know.
 *
 * @param environment moto's own settings, such as MOTO_AMIS_PATH
 * @param heard called with every request; by default nothing is called
 * @param executes whether it runs state machines; by default it only records their executions
 * @throws Error if moto_server cannot be started
 */
export async function startMoto(
  environment: Readonly<Record<string, string>> = {},
  heard?: (request: SentRequest) => void,
  executes = false,
): Promise<Moto> {
  const port = await freePort();
  const moto = spawn('moto_server', ['-p', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, MOTO_IAM_LOAD_MANAGED_POLICIES: 'true', ...environment },
  });
  const failed = once(moto, 'error').then(([error]) => {
    throw new Error('moto_server could not be started.', { cause: error });
  });
  const exited = once(moto, 'exit');
  const endedEarly = exited.then(([code, signal]) => {
    throw new Error(`moto_server has ended: ${code ?? signal}.`);
  });
  // After the start, `stop` ends moto_server. That end is no error.
  endedEarly.catch(() => {});
  try {
    await Promise.race([answers(port), failed, endedEarly]);
    // The tests need only the configuration of Lambda functions. By default moto runs their code in Docker.
    await fetch(`http://127.0.0.1:${port}/moto-api/config`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        lambda: { use_docker: false },
        batch: { use_docker: false },
        stepfunctions: { execute_state_machine: executes },
      }),
    });
  } catch (error) {
    moto.kill();
    throw error;
  }
  const proxy = http.createServer((request, response) => {
    if (heard) tell(request, heard);
    if (request.url === CREATE_COMPUTE_ENVIRONMENT) void createComputeEnvironment(port, request, response);
    else if (moto.exitCode === null && moto.signalCode === null) forward(port, request, response);
    // Clients would retry a broken connection for minutes.
    else response.writeHead(400).end(`moto_server has ended: ${moto.exitCode ?? moto.signalCode}.`);
  });
  // Otherwise the server could close a client's idle connection at the moment of its next request, which needs a retry.
  proxy.keepAliveTimeout = 0;
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async stop() {
      proxy.close();
      proxy.closeAllConnections();
      moto.kill();
      await exited;
    },
  };
}

function tell(request: http.IncomingMessage, heard: (request: SentRequest) => void): void {
  const { method = '', url = '', headers } = request;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => heard({ method, url, headers, body: Buffer.concat(chunks).toString() }));
}

function forward(port: number, request: http.IncomingMessage, response: http.ServerResponse): void {
  const answer = MISSING[String(request.headers['x-amz-target'])];
  if (answer) {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer));
    return;
  }
  const glue = GLUE[String(request.headers['x-amz-target'])];
  if (glue) {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.stringify(glue(JSON.parse(Buffer.concat(chunks).toString() || '{}')));
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(body);
    });
    return;
  }
  const { method, url, headers } = request;
  const onward = http.request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(response);
  });
  // The client gets a broken connection, as without the proxy.
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

const CREATE_COMPUTE_ENVIRONMENT = '/v1/createcomputeenvironment';

/** moto demands a service role, and that it exists. AWS Batch uses its service-linked role where none is named. */
async function createComputeEnvironment(
  port: number,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const at = `http://127.0.0.1:${port}`;
  const { authorization = '' } = request.headers;
  const RoleName = 'AWSServiceRoleForBatch';
  await fetch(at, {
    method: 'POST',
    headers: {
      authorization: authorization.replace('/batch/', '/iam/'),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({
      Action: 'CreateRole',
      Version: '2010-05-08',
      RoleName,
      AssumeRolePolicyDocument: '{}',
    }),
  });
  const body = JSON.parse(Buffer.concat(chunks).toString());
  const reply = await fetch(`${at}${request.url}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, serviceRole: `arn:aws:iam::123456789012:role/${RoleName}` }),
  });
  response.writeHead(reply.status, { 'content-type': 'application/json' }).end(await reply.text());
}

/** A port of this computer that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(port: number): Promise<void> {
  for (;;) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}/moto-api/`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await sleep(200);
  }
}
