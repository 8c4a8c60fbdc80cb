import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import { DatastreamError } from '../../../lambdas/datastream/errors';
import { CLIENT } from '../../../lambdas/runtime/clients';
import { createHandler, type Log } from '../../../lambdas/runtime/handler';

function recorder() {
  const lines: { level: string; message: unknown; keys: Record<string, unknown>; stack?: string }[] = [];
  let keys: Record<string, unknown> = {};
  const line = (level: string) => (message: unknown, more: Record<string, unknown>) =>
    lines.push({ level, message, keys, ...more });
  const log = {
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    appendKeys: (more: Record<string, unknown>) => {
      keys = { ...keys, ...more };
    },
    resetKeys: () => {
      keys = {};
    },
  } as unknown as Log;
  return { log, lines };
}

const Event = z.object({ execution: z.string(), state: z.looseObject({}), token: z.string().optional() });

describe('Every function', () => {
  it('has execution and attempt on each of its log lines, and not those of the call before', async () => {
    const { log, lines } = recorder();
    const handler = createHandler('f', Event, async (_event, lines) => lines.info('done'), log);

    await handler({ execution: 'a', state: { attempt: 3 } });
    await handler({ execution: 'b', state: {} });

    expect(lines.map((line) => line.keys)).toEqual([
      { execution: 'a', attempt: 3 },
      { execution: 'b', attempt: 1 },
    ]);
  });

  it('refuses an event that is none, before anything is done', async () => {
    const run = jest.fn();
    const handler = createHandler('f', Event, run, recorder().log);

    await expect(handler({ execution: 1 })).rejects.toMatchObject({ name: 'ZodError' });
    expect(run).not.toHaveBeenCalled();
  });

  it('throws what it catches, without the lines of a stack, which the log has', async () => {
    const { log, lines } = recorder();
    const cause = new RangeError('too far');
    const handler = createHandler('f', Event, () => Promise.reject(new TypeError('no such thing', { cause })), log);

    const error = (await handler({ execution: 'a', state: {} }).catch((reason: unknown) => reason)) as Error;

    expect(error.stack).toBe('TypeError: no such thing');
    expect(lines).toMatchObject([
      { level: 'error', message: 'no such thing', error_name: 'TypeError', keys: { execution: 'a', attempt: 1 } },
    ]);
    expect(lines[0]?.stack).toMatch(/^TypeError: no such thing\n {4}at .*handler\.test\.ts:\d+/);
    expect(lines[0]?.stack).toMatch(/\nCaused by RangeError: too far\n {4}at .*handler\.test\.ts:\d+/);
  });

  it('logs another text than the message, and no stack, for an error that has one', async () => {
    const { log, lines } = recorder();
    const failure = new DatastreamError('InvalidExecution', 'found SECRET', { logged: 'found something' });
    const handler = createHandler('f', Event, () => Promise.reject(failure), log);

    await expect(handler({ execution: 'a', state: {} })).rejects.toThrow('found SECRET');

    expect(lines).toMatchObject([{ message: 'found something', error_name: 'InvalidExecution' }]);
    expect(JSON.stringify(lines)).not.toContain('SECRET');
  });

  it.each(['ECONNRESET', 'EPIPE', 'ENOTFOUND'])(
    'names a broken connection (%s) so that the Retry knows it',
    async (code) => {
      const handler = createHandler(
        'f',
        Event,
        () => Promise.reject(Object.assign(new Error('x'), { code })),
        recorder().log,
      );

      await expect(handler({ execution: 'a', state: {} })).rejects.toMatchObject({ name: 'NetworkError' });
    },
  );

  it('never logs a task token', async () => {
    const { log, lines } = recorder();
    const handler = createHandler('f', Event, () => Promise.reject(new Error('failed')), log);

    await handler({ execution: 'a', state: {}, token: 'SECRET-TOKEN' }).catch(() => {});

    expect(JSON.stringify(lines)).not.toContain('SECRET-TOKEN');
  });
});

describe('Every function, when AWS answers over the wire,', () => {
  const PAGE = '<html>\n<head><title>502 Bad Gateway</title></head>\n<body>nginx</body>\n</html>';
  const json = (type: string) => JSON.stringify({ __type: type, message: 'as it is' });
  const xml = (code: string) => `<Error><Code>${code}</Code><Message>as it is</Message></Error>`;
  const ec2 = (code: string) => `<Response><Errors>${xml(code)}</Errors></Response>`;

  /** What a function throws that makes one call, and has this answer. */
  async function thrownAt(operation: keyof typeof OPERATIONS, statusCode: number, body = ''): Promise<Error> {
    const client = {
      ...CLIENT,
      region: 'us-east-1',
      credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
      maxAttempts: 1,
      requestHandler: {
        handle: async () => ({ response: { statusCode, headers: {}, body: Buffer.from(body) } as never }),
      },
    };
    const handler = createHandler('f', Event, () => OPERATIONS[operation](client), recorder().log);
    return handler({ execution: 'a', state: {} }).then(
      () => Promise.reject(new Error('It succeeded.')),
      (error: Error) => error,
    );
  }

  const OPERATIONS = {
    DescribeInstances: (config: object) => new EC2Client(config).send(new DescribeInstancesCommand({})),
    SendCommand: (config: object) => new SSMClient(config).send(new SendCommandCommand({ DocumentName: 'd' })),
    DescribeExecution: (config: object) =>
      new SFNClient(config).send(new DescribeExecutionCommand({ executionArn: 'a' })),
    HeadObject: (config: object) => new S3Client(config).send(new HeadObjectCommand({ Bucket: 'b', Key: 'k' })),
    PutObject: (config: object) =>
      new S3Client(config).send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'text' })),
  };

  it.each([
    ['DescribeInstances', 502, PAGE, 'Unknown'],
    ['SendCommand', 502, PAGE, 'SyntaxError'],
    ['DescribeExecution', 502, PAGE, 'SyntaxError'],
    ['PutObject', 502, PAGE, 'Unknown'],
    ['DescribeInstances', 503, '', 'Unknown'],
    ['SendCommand', 503, '', 'Unknown'],
    ['DescribeExecution', 503, '', 'Unknown'],
    ['HeadObject', 503, '', 'Unknown'],
    ['DescribeInstances', 500, ec2('InternalServerException'), 'InternalServerException'],
    ['SendCommand', 500, json('InternalServerException'), 'InternalServerException'],
    ['DescribeExecution', 500, json('InternalServerException'), 'InternalServerException'],
    ['PutObject', 500, xml('InternalError'), 'InternalError'],
    ['SendCommand', 429, '', 'Unknown'],
    ['HeadObject', 429, '', 'Unknown'],
    ['SendCommand', 200, PAGE, 'SyntaxError'],
  ] as const)('takes %s with HTTP %d for a fault of AWS: %j', async (operation, status, body, name) => {
    const { name: thrown, message } = await thrownAt(operation, status, body);

    expect(thrown).toBe('ServiceUnavailable');
    expect(message).toMatch(new RegExp(`^AWS answered ${operation} with HTTP ${status} \\(${name}: [^\\n]+\\)\\.$`));
  });

  it.each([
    ['DescribeInstances', 503, ec2('RequestLimitExceeded'), 'RequestLimitExceeded'],
    ['DescribeInstances', 500, ec2('InsufficientInstanceCapacity'), 'InsufficientInstanceCapacity'],
    ['SendCommand', 429, json('TooManyRequestsException'), 'TooManyRequestsException'],
    ['PutObject', 503, xml('SlowDown'), 'SlowDown'],
    ['SendCommand', 400, json('ValidationException'), 'ValidationException'],
    ['DescribeInstances', 403, ec2('UnauthorizedOperation'), 'UnauthorizedOperation'],
    ['PutObject', 400, xml('RequestTimeout'), 'RequestTimeout'],
  ] as const)('keeps the name of %s with HTTP %d: %s', async (operation, status, body, name) => {
    expect(await thrownAt(operation, status, body)).toMatchObject({ name, message: 'as it is' });
  });
});
