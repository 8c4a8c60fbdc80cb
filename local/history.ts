import type { LocalClock } from './clock';

/** The earlier states of a service. AWS's reads are eventually consistent, so a read may return an earlier state. */
export class History<Value> {
  readonly #versions: { readonly at: number; readonly value: Value }[] = [];

  /** @param now returns the present state of the service */
  constructor(
    private readonly clock: LocalClock,
    private readonly now: () => Value,
  ) {}

  /** Records the present state. The service calls this after every change. */
  record(): void {
    this.#versions.push({ at: this.clock.now().getTime(), value: structuredClone(this.now()) });
  }

  /** @param lag the age of the state to read, in milliseconds; 0 is the present state */
  read(lag: number): Value | undefined {
    if (lag === 0) return this.now();
    const moment = this.clock.now().getTime() - lag;
    return this.#versions.findLast(({ at }) => at <= moment)?.value;
  }
}
