import type { Clock } from '../lambdas/runtime/clock';

/** Time on the embedded cloud: the computer's own, or virtual, where an hour passes in a moment. */
export interface LocalClock extends Clock {
  /** @param signal ends the wait early; the promise then resolves */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once, later. @returns a function that calls it off */
  after(milliseconds: number, callback: () => void): () => void;
  /** Keeps virtual time standing still while something outside it is at work. @returns a function that lets it go on */
  hold(): () => void;
  /** Lets time pass until the promise settles. */
  run<T>(until: Promise<T>): Promise<T>;
}

/** The computer's own time. What waits in the background does not keep the process alive. */
export const realClock: LocalClock = {
  now: () => new Date(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(done, milliseconds);
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      }
      if (signal?.aborted) done();
      signal?.addEventListener('abort', done, { once: true });
    }),
  after: (milliseconds, callback) => {
    // setTimeout takes 2^31 - 1 ms at most and fires at once beyond that.
    const timer = setTimeout(callback, Math.min(milliseconds, 2 ** 31 - 1)).unref();
    return () => clearTimeout(timer);
  },
  hold: () => () => {},
  run: (until) => until,
};

/** Of real time: what holds virtual time is a child process or a step of the interpreter, and takes moments; it hangs. */
const HELD_TOO_LONG_MS = 540_000;

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * Time that jumps from one timer to the next as soon as nothing else is left to do at the present moment.
 * It passes only within `run`, so timers that nobody waits for never fire on their own.
 *
 * @param start the first moment
 */
export function virtualClock(start: Date): LocalClock {
  let now = start.getTime();
  let holds = 0;
  /** Sorted by time; equal times in the order in which they were set. */
  const timers: Timer[] = [];

  const after = (milliseconds: number, callback: () => void) => {
    const timer = { at: now + Math.max(milliseconds, 0), callback };
    const later = timers.findIndex((each) => each.at > timer.at);
    timers.splice(later === -1 ? timers.length : later, 0, timer);
    return () => {
      const index = timers.indexOf(timer);
      if (index !== -1) timers.splice(index, 1);
    };
  };

  return {
    now: () => new Date(now),
    after,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const done = () => {
          cancel();
          signal?.removeEventListener('abort', done);
          resolve();
        };
        const cancel = after(milliseconds, done);
        signal?.addEventListener('abort', done);
      }),
    hold: () => {
      holds++;
      let held = true;
      return () => {
        if (held) holds--;
        held = false;
      };
    },
    run: async (until) => {
      let settled = false;
      let heldSince = Date.now();
      const mark = () => {
        settled = true;
      };
      until.then(mark, mark);
      for (;;) {
        // All that is due at this moment runs in microtasks; setImmediate comes after the last of them.
        await new Promise((resolve) => setImmediate(resolve));
        if (settled) return until;
        if (holds > 0) {
          if (Date.now() - heldSince > HELD_TOO_LONG_MS)
            throw new Error('Virtual time has been held for nine minutes.');
          continue;
        }
        heldSince = Date.now();
        const next = timers.shift();
        if (!next) throw new Error('Virtual time has nothing left to wait for, and what was awaited has not come.');
        now = Math.max(now, next.at);
        next.callback();
      }
    },
  };
}
