import * as z from 'zod';
import { createHandler, type Log } from '../../lambdas/runtime';

function recorder() {
  const lines: { level: string; message: unknown; keys: Record<string, unknown> }[] = [];
  let keys: Record<string, unknown> = {};
  const line = (level: string) => (message: unknown) => lines.push({ level, message, keys });
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

  it('throws what it catches, without the lines of a stack', async () => {
    const { log, lines } = recorder();
    const handler = createHandler('f', Event, () => Promise.reject(new TypeError('no such thing')), log);

    const error = (await handler({ execution: 'a', state: {} }).catch((reason: unknown) => reason)) as Error;

    expect(error.stack).toBe('TypeError: no such thing');
    expect(lines).toEqual([{ level: 'error', message: 'no such thing', keys: { execution: 'a', attempt: 1 } }]);
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
