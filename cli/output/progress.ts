import type { Progress } from '../../local/states/interpreter';
import { type Output, wrap } from './wrap';

/** Shows the states of an execution as they happen. */
export interface ProgressView {
  show(progress: Progress): void;
  /** A line of its own, not of a state. */
  note(text: string): void;
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

function retryText({ error, seconds }: Extract<Progress, { type: 'retrying' }>): string {
  return `${error}, again in ${Math.round(seconds)} s`;
}

function waitText({ seconds }: Extract<Progress, { type: 'waiting' }>): string {
  return `waits ${Math.round(seconds)} s`;
}

/** One line a state; the last one is alive. Finished lines are never touched again, so scrolling back shows them all. */
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
          if (current) current.remark = retryText(progress);
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
    end: () => {
      clearInterval(timer);
      if (current) finish({ Failed: '✖', Succeeded: '✔' }[current.state] ?? '■');
    },
  };
}
