import { JobLines } from '../../../cli/output/job-lines';
import { progressView } from '../../../cli/output/progress';

describe('The lines of a job', () => {
  const printed: string[] = [];
  const made = () => {
    printed.length = 0;
    return new JobLines((lines, mark) => printed.push(...lines.map((line) => mark + line)));
  };

  it('are whole, each stream with its mark, however they arrive', () => {
    const lines = made();
    const bytes = Buffer.from('grüße\nzwei');

    for (let at = 0; at < bytes.length; at++) lines.take('stdout', bytes.subarray(at, at + 1));
    lines.take('stderr', Buffer.from('careful\n'));
    expect(printed).toEqual(['  | grüße', '  ! careful']);
    lines.end();
    lines.end();

    expect(printed).toEqual(['  | grüße', '  ! careful', '  | zwei']);
  });

  it("are the job's alone, with its empty ones", () => {
    const lines = made();

    lines.take('stderr', Buffer.from('a\n\ndatastream: command 1 of 2 exited with code 3\n'));

    expect(printed).toEqual(['  ! a', '  ! ']);
  });
});

describe('On a terminal', () => {
  it('the lines of the job stand above the state that changes, and move no cursor', () => {
    let screen = '';
    const out = { isTTY: true, columns: 80, write: (text: string) => (screen += text) };
    const view = progressView(out);
    view.show({ type: 'entered', state: 'EC2Poller', at: new Date() });

    view.job?.(['one', 'two\x1b[2J'], '  | ');
    view.end();

    const parts = screen.split('\r\x1b[2K');
    expect(parts).toContain('  | one\n  | two␛[2J\n');
    expect(parts.at(-1)).toMatch(/^\S EC2Poller .*\n$/);
  });

  it('is the only place where they are shown as they come', () => {
    expect(progressView({ write: () => {} }).job).toBeUndefined();
  });
});
