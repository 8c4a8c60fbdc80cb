import type { Clock } from '../lambdas/runtime/clock';

/** The clock of the embedded cloud: the computer's clock, or a virtual clock on which an hour passes in a moment. */
export interface LocalClock extends Clock {
  /** @param signal ends the wait early; the promise then resolves */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once, later. @returns a function that cancels the callback */
  after(milliseconds: number, callback: () => void): () => void;
  /** Stops virtual time while work outside of it runs. @returns a function that lets time pass again */
  hold(): () => void;
  /** Lets time pass until the promise settles. */
  run<T>(until: Promise<T>): Promise<T>;
}

/** setTimeout takes no more: 25 days. With a longer time it fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The computer's clock. A pending `after` does not keep the process alive. */
export const realClock: LocalClock = {
  now: () => new Date(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(done, Math.min(milliseconds, LONGEST_TIMER_MS));
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      }
      if (signal?.aborted) done();
      signal?.addEventListener('abort', done, { once: true });
    }),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, Math.min(milliseconds, LONGEST_TIMER_MS)).unref();
    return () => clearTimeout(timer);
  },
  hold: () => () => {},
  run: (until) => until,
};

/** In real time. A child process or a step of the interpreter holds virtual time only for moments, unless it hangs. */
const HELD_TOO_LONG_MS = 540_000;

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that jumps to the next timer as soon as no work is left at the present moment. Its time passes only within
 * `run`. Outside of `run` no timer fires.
 *
 * @param start the first moment
 */
export function virtualClock(start: Date): LocalClock {
  let now = start.getTime();
  let holds = 0;
  /** Sorted by time. Timers of the same time keep the order in which they were set. */
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
        // All work of this moment runs in microtasks. setImmediate calls back after the last of them.
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
