/**
 * Python's `random.Random(seed)`: the same seed gives the same numbers. The figures of the choice are those of a Python
 * simulation, and so are compared on the same workloads.
 */
export class PythonRandom {
  readonly #state = new Uint32Array(624);
  #index = 624;

  /** @param seed from 0 to 2^32 - 1 */
  constructor(seed: number) {
    this.#generate(19_650_218);
    const state = this.#state;
    const at = (index: number) => state[index] as number;
    const mixed = (index: number) => at(index - 1) ^ (at(index - 1) >>> 30);
    let i = 1;
    for (let k = 624; k > 0; k--) {
      state[i] = (at(i) ^ Math.imul(mixed(i), 1_664_525)) + seed;
      if (++i >= 624) [state[0], i] = [at(623), 1];
    }
    for (let k = 623; k > 0; k--) {
      state[i] = (at(i) ^ Math.imul(mixed(i), 1_566_083_941)) - i;
      if (++i >= 624) [state[0], i] = [at(623), 1];
    }
    state[0] = 0x80000000;
  }

  #generate(seed: number): void {
    this.#state[0] = seed;
    for (let i = 1; i < 624; i++) {
      const last = this.#state[i - 1] as number;
      this.#state[i] = Math.imul(last ^ (last >>> 30), 1_812_433_253) + i;
    }
  }

  #next(): number {
    const state = this.#state;
    if (this.#index >= 624) {
      for (let k = 0; k < 624; k++) {
        const y = ((state[k] as number) & 0x80000000) | ((state[(k + 1) % 624] as number) & 0x7fffffff);
        state[k] = (state[(k + 397) % 624] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.#index = 0;
    }
    let y = state[this.#index++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  random(): number {
    const [a, b] = [this.#next() >>> 5, this.#next() >>> 6];
    return (a * 67_108_864 + b) / 9_007_199_254_740_992;
  }

  #below(n: number): number {
    const bits = n.toString(2).length;
    for (;;) {
      const value = this.#next() >>> (32 - bits);
      if (value < n) return value;
    }
  }

  /** Both ends included. */
  randint(from: number, to: number): number {
    return from + this.#below(to - from + 1);
  }

  shuffle(list: number[]): void {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      [list[i], list[j]] = [list[j] as number, list[i] as number];
    }
  }

  /** One of 0, 1, ..., with these weights, which are summed up. */
  choice(cumulative: readonly number[]): number {
    const value = this.random() * (cumulative.at(-1) ?? 0);
    const found = cumulative.findIndex((each) => each > value);
    return found === -1 ? cumulative.length - 1 : found;
  }

  /** So many of the numbers from 0 to 11 or another short range, each at most once. */
  sample(size: number, count: number): number[] {
    const pool = Array.from({ length: size }, (_, index) => index);
    return Array.from({ length: count }, (_, index) => {
      const j = this.#below(size - index);
      const picked = pool[j] as number;
      pool[j] = pool[size - index - 1] as number;
      return picked;
    });
  }
}
