/** Runs numbered pieces of work in their order, a limited number at once. */
export class Pool {
  /** Resolves when all work is done, and rejects with the first error. */
  readonly done: Promise<void>;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #next = 0;
  #running = 0;

  /** @param limit how many may run at once; it is asked before each start */
  constructor(
    private count: number,
    private readonly limit: () => number,
    private readonly work: (index: number) => Promise<void>,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.fill();
  }

  /** Starts as many as the limit allows now. */
  fill(): void {
    while (this.#next < this.count && this.#running < this.limit()) {
      this.#running++;
      this.work(this.#next++).then(
        () => {
          this.#running--;
          this.fill();
        },
        (error) => this.#reject(error),
      );
    }
    if (this.#running === 0 && this.#next >= this.count) this.#resolve();
  }

  /** Starts no more. */
  close(): void {
    this.count = this.#next;
    if (this.#running === 0) this.#resolve();
  }
}
