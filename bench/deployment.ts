import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Figure, median, type Report } from './report';
import { load, writeYardstick } from './yardstick';

const ROOT = resolve(__dirname, '..');
export const RUNS = 9;
const run = promisify(execFile);

/** @throws Error if Terraform is missing. Without this check, `--write` would fail only after minutes of measuring. */
export async function requireTerraform(): Promise<void> {
  await run('terraform', ['version'], { env: { ...process.env, CHECKPOINT_DISABLE: '1' } }).catch((error) => {
    throw new Error(`--write stores the plan's time too, and ${reason(error)}`);
  });
}

/** Measures the synthesis, and Terraform's plan of the whole stack if Terraform and the AWS provider are available. */
export async function deploymentFigures(): Promise<Pick<Report, 'figures' | 'missing'>> {
  const folder = mkdtempSync(join(tmpdir(), 'datastream-bench-'));
  try {
    const yardstick = writeYardstick(folder);
    const synthesis = await time(yardstick, (index) => synthesise(join(folder, `cdktf.out.${index}`)));
    const figures = [figure('synthesis: tsx main.ts', synthesis)];
    try {
      const plan = await timePlan(folder, join(folder, 'cdktf.out.0', 'stacks', 'datastream'), yardstick);
      return { figures: [...figures, figure('terraform plan of the whole stack', plan)], missing: [] };
    } catch (error) {
      return { figures, missing: [`terraform plan was not measured: ${reason(error)}`] };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figure(name: string, times: Pick<Figure, 'value' | 'yardstick'>): Figure {
  return { section: `deployment, median of ${RUNS}`, name, ...times, unit: 's', measured: true };
}

/** The median time of `what` in seconds, and that of the yardstick. The yardstick runs before each run of `what`. */
export async function time(
  yardstick: string,
  what: (index: number) => Promise<unknown>,
): Promise<Pick<Figure, 'value' | 'yardstick'>> {
  const times: number[] = [];
  const yardsticks: number[] = [];
  for (let index = 0; index < RUNS; index++) {
    yardsticks.push(load(yardstick).milliseconds / 1000);
    const begun = performance.now();
    await what(index);
    times.push((performance.now() - begun) / 1000);
  }
  return { value: median(times), yardstick: median(yardsticks) };
}

export async function synthesise(outdir: string, context: Readonly<Record<string, unknown>> = {}): Promise<void> {
  mkdirSync(outdir);
  const tsx = join(ROOT, 'node_modules', '.bin', 'tsx');
  await run(tsx, ['main.ts'], {
    cwd: ROOT,
    env: { ...process.env, CDKTF_OUTDIR: outdir, CDKTF_CONTEXT_JSON: JSON.stringify(context) },
  });
}

async function timePlan(folder: string, stack: string, yardstick: string): ReturnType<typeof time> {
  const aws = await answeringAws();
  try {
    const env = terraformEnvironment(folder, aws.endpoint);
    const terraform = (...args: string[]) =>
      run('terraform', args, { cwd: stack, env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 });
    await terraform('init', '-input=false', '-no-color');
    const variables = `-var-file=${join(ROOT, 'variables.tfvars')}`;
    return await time(yardstick, () => terraform('plan', '-input=false', '-no-color', '-lock=false', variables));
  } finally {
    aws.close();
  }
}

/** @param folder where Terraform's configuration is written. @param endpoint where Terraform finds AWS */
export function terraformEnvironment(folder: string, endpoint: string): NodeJS.ProcessEnv {
  // Without TF_MIRROR, Terraform uses its own configuration, which may name a mirror.
  const mirror = process.env.TF_MIRROR;
  const configuration = join(folder, 'terraform.rc');
  if (mirror) {
    const path = JSON.stringify(mirror);
    writeFileSync(configuration, `provider_installation {\n  filesystem_mirror {\n    path = ${path}\n  }\n}\n`);
  }
  return {
    ...process.env,
    ...(mirror && { TF_CLI_CONFIG_FILE: configuration }),
    TF_IN_AUTOMATION: '1',
    CHECKPOINT_DISABLE: '1',
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

/**
 * A server with the answers that the plan of a new stack needs from AWS. They are the caller's identity and the
 * validation of the definition. Any other call gets an error, and the plan fails.
 */
export async function answeringAws(): Promise<{ endpoint: string; close: () => void }> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      if (request.headers['x-amz-target'] === 'AWSStepFunctions.ValidateStateMachineDefinition') {
        response
          .writeHead(200, { 'content-type': 'application/x-amz-json-1.0' })
          .end('{"result":"OK","diagnostics":[]}');
      } else if (body.includes('Action=GetCallerIdentity')) {
        const arn = 'arn:aws:iam::123456789012:user/bench';
        response
          .writeHead(200, { 'content-type': 'text/xml' })
          .end(
            `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${arn}</Arn><UserId>bench</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
          );
      } else {
        response.writeHead(400).end();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function reason(error: unknown): string {
  const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
  if (code === 'ENOENT') return 'there is no terraform on the PATH.';
  const said = stderr.split('\n').find((line) => line.includes('Error: '));
  return said?.replace(/^.*Error: /, '') ?? `terraform ended with ${code}.`;
}
