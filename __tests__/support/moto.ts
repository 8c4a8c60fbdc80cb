import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SSMClient } from '@aws-sdk/client-ssm';

/** What moto 5 lacks of Step Functions and Terraform's AWS provider asks for; without an answer it asks for ever. */
const MISSING: Readonly<Record<string, unknown>> = {
  'AWSStepFunctions.ValidateStateMachineDefinition': { result: 'OK', diagnostics: [] },
  'AWSStepFunctions.ListStateMachineVersions': { stateMachineVersions: [] },
};

/** A request that a client has sent, whole. */
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
 * Credentials and settings for programs and SDK clients that talk to an emulation: no profile, no metadata
 * service; us-east-1 where nothing else says which region.
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
    // As the commander's: a SendCommand whose reply was lost has been carried out.
    ssm: new SSMClient({ ...client, maxAttempts: 1 }),
    // moto has one host name for all buckets.
    s3: new S3Client({ ...client, forcePathStyle: true }),
    sfn: new SFNClient(client),
  };
}

/**
 * Starts moto_server on a free port, with a small proxy before it that answers what moto does not know.
 *
 * @param environment moto's own settings, such as MOTO_AMIS_PATH
 * @param heard is told of every request; default: nobody is
 * @param executes whether it runs state machines; default: it notes their executions alone
 * @throws Error when moto_server cannot be started
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
  // Later it ends because it is told to.
  endedEarly.catch(() => {});
  try {
    await Promise.race([answers(port), failed, endedEarly]);
    // Lambda's configuration is all that is tested there: moto would run code in Docker.
    await fetch(`http://127.0.0.1:${port}/moto-api/config`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ lambda: { use_docker: false }, stepfunctions: { execute_state_machine: executes } }),
    });
  } catch (error) {
    moto.kill();
    throw error;
  }
  const proxy = http.createServer((request, response) => {
    if (heard) tell(request, heard);
    if (moto.exitCode === null && moto.signalCode === null) forward(port, request, response);
    // A broken connection would be tried again for minutes.
    else response.writeHead(400).end(`moto_server has ended: ${moto.exitCode ?? moto.signalCode}.`);
  });
  // Clients keep connections; one that the server closes in the moment of their next request costs them a retry.
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
  const { method, url, headers } = request;
  const onward = http.request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(response);
  });
  // The client sees a connection that broke, as it would without the proxy.
  onward.on('error', () => response.destroy());
  request.pipe(onward);
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
