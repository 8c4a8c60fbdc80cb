import { StringDecoder } from 'node:string_decoder';
import { withoutLines } from '../../lambdas/datastream/script';
import type { Stream } from '../../local/records';

/** What stands before each line of a stream, so that it is not taken for a state. */
export const MARKS: Readonly<Record<Stream, string>> = { stdout: '  | ', stderr: '  ! ' };

/** Makes whole lines of a job's streams. The script's own lines in standard error are left out: the end tells them. */
export class JobLines {
  readonly #parts = new Map<Stream, { readonly decoder: StringDecoder; rest: string }>();

  constructor(private readonly print: (lines: readonly string[], mark: string) => void) {}

  take(stream: Stream, bytes: Buffer): void {
    const part = this.#parts.get(stream) ?? { decoder: new StringDecoder('utf8'), rest: '' };
    this.#parts.set(stream, part);
    const lines = (part.rest + part.decoder.write(bytes)).split('\n');
    part.rest = lines.pop() ?? '';
    this.#show(stream, lines);
  }

  /** Prints what has not ended with a line break. */
  end(): void {
    for (const [stream, part] of this.#parts) {
      if (part.rest !== '') this.#show(stream, [part.rest]);
      part.rest = '';
    }
  }

  #show(stream: Stream, lines: readonly string[]): void {
    const own = lines.filter((line) => line.trim() === '' || withoutLines(line) !== '');
    if (own.length > 0) this.print(own, MARKS[stream]);
  }
}
