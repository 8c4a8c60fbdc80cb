import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { estimateText } from '../../cli/max-cost';
import { COMMAND, inNewFolders, job } from '../support/cli';
import { executionFile } from '../support/scenario';

const { datastream, env, file, path } = inNewFolders();

const ARN = 'arn:aws:states:us-east-1:123456789012:stateMachine:datastream';

/** An hour of a t4g.micro with 8 GB and an address: about $0.0146. */
const cheap = () => file('a.json', job(['touch ran']));
const unpriced = () => file('b.json', job(['touch ran'], { region: 'eu-west-1' }));

/** Runs a command against a Step Functions that starts whatever it is told. @returns how often it was asked too */
async function onAws(...args: string[]) {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(String(request.headers['x-amz-target']));
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ executionArn: `${ARN.replace('stateMachine', 'execution')}:a`, startDate: 1 }));
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  try {
    const child = spawn(process.execPath, [COMMAND, ...args, '--arn', ARN], {
      cwd: path(),
      env: { ...env(), ...keys },
    });
    const told = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        told[stream] += text;
      });
    }
    const status = await new Promise((done) => child.on('close', done));
    return { status, ...told, calls };
  } finally {
    server.close();
  }
}

describe('start --max-cost', () => {
  it('starts nothing that may cost more, and says estimate and limit', async () => {
    const { status, stdout, stderr, calls } = await onAws('start', cheap(), cheap(), '--max-cost', '0.02');

    expect({ status, stdout, calls }).toEqual({ status: 4, stdout: '', calls: [] });
    expect(stderr).toMatch(
      /^2 jobs may cost \$0\.029, if every first attempt lasts its timeout_s, and --max-cost is \$0\.020: nothing was\s/,
    );
  });

  it('starts what costs less, and prints its estimate', async () => {
    const { status, stdout, calls } = await onAws('start', cheap(), '--max-cost', '0.02');

    expect({ status, calls }).toEqual({ status: 0, calls: ['AWSStepFunctions.StartExecution'] });
    expect(stdout).toMatch(/^started \S+ {3}estimate \$0\.015\n$/);
  });

  it('starts nothing whose price is not known, and says what to do; without it the start has no estimate', async () => {
    const limited = await onAws('start', unpriced(), '--max-cost', '1000');
    const free = await onAws('start', unpriced());

    expect(limited).toMatchObject({ status: 4, stdout: '', calls: [] });
    expect(limited.stderr).toMatch(
      /^The price of t4g\.micro in eu-west-1 is not known: run 'datastream cost prices update --region eu-west-1'\./,
    );
    expect(free).toMatchObject({ status: 0, stdout: expect.stringMatching(/^started \S+\n$/) });
  });

  it.each([
    ['start', '--local'],
    ['start', '--dry-run'],
    ['submit', '--local'],
    ['submit', '--dry-run'],
  ])('holds for %s %s', (command, option) => {
    const { status, stderr } = datastream(command, cheap(), option, '--max-cost', '0.01');

    expect([status, stderr]).toEqual([4, expect.stringContaining('--max-cost is $0.010')]);
    expect(existsSync(path('ran'))).toBe(false);
    expect(datastream('list', '--local').stdout).toBe('No executions.\n');
  });

  it('holds for a retry', () => {
    datastream('start', file('f.json', job(['false'])), '--name', 'f', '--local');

    expect(datastream('retry', 'f', '--local', '--max-cost', '0.01')).toMatchObject({ status: 4, stdout: '' });
    expect(datastream('status', 'f_r2', '--local').status).toBe(2);
  });

  it.each(['', '-1', 'x', '1e3', '1,5'])("refuses the limit '%s'", (limit) => {
    expect(datastream('start', cheap(), '--local', `--max-cost=${limit}`)).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('The estimate of a start', () => {
  it('has the spot price beside the on-demand price, because EC2 may have no spot capacity', () => {
    const of = (ii_cheapo: boolean) =>
      estimateText(
        { name: 'a', input: { ...executionFile({ ii_cheapo }), instance_parameters: job([]).instance_parameters } },
        'us-east-1',
      );

    expect(of(false)).toBe('estimate $0.015');
    expect(of(true)).toMatch(/^estimate \$0\.015(, spot \$0\.0\d+)?$/);
  });
});
