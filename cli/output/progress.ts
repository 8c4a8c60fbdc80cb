import { ErrorName } from '../../lambdas/datastream/errors';
import { CauseOfFunction } from '../../lambdas/datastream/state';
import type { Progress } from '../../local/states/interpreter';
import { visible } from './visible';
import { type Output, wrap } from './wrap';

/** Shows the states of an execution as they happen. */
export interface ProgressView {
  show(progress: Progress): void;
  /** Prints a line that belongs to no state. */
  note(text: string): void;
  /** Prints lines that the job has written, with a mark before each. Absent where they are not shown as they come. */
  job?(lines: readonly string[], mark: string): void;
  end(): void;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** A live list on a terminal, plain lines elsewhere. */
export function progressView(out: Output): ProgressView {
  return out.isTTY && process.env.TERM !== 'dumb' ? liveList(out) : plainLines(out);
}

function plainLines(out: Output): ProgressView {
  const line = (at: Date, text: string) => out.write(`${at.toISOString().slice(11, 19)}  ${text}\n`);
  return {
    show: (progress) => {
      if (progress.type === 'entered') line(progress.at, progress.state);
      if (progress.type === 'retrying') line(progress.at, `${progress.state}  ${retryText(progress)}`);
      if (progress.type === 'waiting') line(progress.at, `${progress.state}  ${waitText(progress)}`);
      if (progress.type === 'failed') line(progress.at, `${progress.state}  ${progress.error}`);
    },
    note: (text) => line(new Date(), text),
    end: () => {},
  };
}

/** @param most characters of what is waited for, from its end: there a URI and its answer differ from others */
function retryText({ error, cause, seconds }: Extract<Progress, { type: 'retrying' }>, most = 1000): string {
  const text = `${error}, again in ${Math.round(seconds)} s`;
  if (error !== ErrorName.InputsNotReady) return text;
  // The first line says until when, the next ones which are missing.
  const [, missing = ''] = CauseOfFunction.parse(cause).errorMessage.split('\n');
  return `${text}: ${missing.length > most ? `…${missing.slice(-most)}` : missing}`;
}

/** What the state, its time, the error and the wait take of a line. */
const BESIDE_INPUT = 64;

function waitText({ seconds }: Extract<Progress, { type: 'waiting' }>): string {
  return `waits ${Math.round(seconds)} s`;
}

/**
 * One line per state, and the job's lines as they come. Only the last line changes, so scrolling back shows all others.
 */
function liveList(out: Output): ProgressView {
  let current: { state: string; since: number; remark: string } | undefined;
  let frame = 0;
  const draw = (mark: string, final = false) => {
    if (!current) return;
    const seconds = ((Date.now() - current.since) / 1000).toFixed(1).padStart(6);
    const text = `${mark} ${current.state.padEnd(18)}${seconds} s  ${current.remark}`;
    out.write(`\r\x1b[2K${text.slice(0, (out.columns ?? 80) - 1)}${final ? '\n' : ''}`);
  };
  const finish = (mark: string) => {
    draw(mark, true);
    current = undefined;
  };
  const timer = setInterval(() => draw(FRAMES[frame++ % FRAMES.length] ?? '-'), 100);
  timer.unref();
  return {
    show: (progress) => {
      switch (progress.type) {
        case 'entered':
          finish('✔');
          current = { state: progress.state, since: Date.now(), remark: '' };
          draw(FRAMES[0] ?? '-');
          break;
        case 'exited':
          finish(current?.remark.startsWith('✖') ? '✖' : '✔');
          break;
        case 'failed':
          if (current) current.remark = `✖ ${progress.error}`;
          break;
        case 'retrying':
          if (current) current.remark = retryText(progress, (out.columns ?? 80) - BESIDE_INPUT);
          break;
        case 'waiting':
          if (current) current.remark = waitText(progress);
          break;
      }
    },
    note: (text) => {
      if (current) finish('■');
      out.write(wrap(`  ${text}\n`, out));
    },
    job: (lines, mark) => {
      out.write(`\r\x1b[2K${lines.map((line) => `${mark}${visible(line)}\n`).join('')}`);
      draw(FRAMES[frame % FRAMES.length] ?? '-');
    },
    end: () => {
      clearInterval(timer);
      if (current) finish({ Failed: '✖', Succeeded: '✔' }[current.state] ?? '■');
    },
  };
}
