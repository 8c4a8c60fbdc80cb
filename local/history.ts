import type { LocalClock } from './clock';

/** What a service knew at earlier moments: AWS's lists are eventually consistent, so a read may show one of them. */
export class History<Value> {
  readonly #versions: { readonly at: number; readonly value: Value }[] = [];

  /** @param now what the service knows at this moment */
  constructor(
    private readonly clock: LocalClock,
    private readonly now: () => Value,
  ) {}

  /** To be called after every change. */
  record(): void {
    this.#versions.push({ at: this.clock.now().getTime(), value: structuredClone(this.now()) });
  }

  /** @param lag milliseconds; 0 is the present */
  read(lag: number): Value | undefined {
    if (lag === 0) return this.now();
    const moment = this.clock.now().getTime() - lag;
    return this.#versions.findLast(({ at }) => at <= moment)?.value;
  }
}
