import * as fc from 'fast-check';
import type { brokenInvariants } from '../support/invariants';
import { count, type Tally } from './matrix';
import { DISORDERS, Disturbed, type Effect, effectsOf, FAULTS, isStop, nameOf, type Point, STOPS } from './run';
import { SCENARIOS } from './scenarios';

/** More faults than this in one execution may use up a state's retries: then it truly fails. */
const MOST_FAULTS = 5;

/** What is known of an execution without asking it. */
interface Model {
  faults: number;
  stopped: boolean;
}

/** An execution in which the next thing to go wrong is decided while it runs. */
class Walk {
  readonly rows: string[] = [];
  disturbed!: Disturbed;
  #next?: { skip: number; readonly effect: Effect; readonly done: () => void };

  static async begin(scenario: string): Promise<Walk> {
    const walk = new Walk();
    walk.disturbed = await Disturbed.begin(scenario, (point) => walk.#decide(point));
    return walk;
  }

  /** Lets time pass until `effect` has met a call or event that it can meet, `skip` others before it, or all is over. */
  async disturb(skip: number, effect: Effect): Promise<void> {
    const { execution, cloud } = this.disturbed.live;
    const met = new Promise<void>((done) => {
      this.#next = { skip, effect, done };
    });
    await cloud.clock.run(Promise.race([met, execution.result, cloud.clock.sleep(7_200_000)]));
    this.#next = undefined;
  }

  #decide(point: Point): readonly Effect[] {
    const next = this.#next;
    if (!next || !effectsOf(point).includes(next.effect) || next.skip-- > 0) return [];
    this.#next = undefined;
    this.rows.push(point.row);
    next.done();
    return [next.effect];
  }
}

class Step implements fc.AsyncCommand<Model, Walk> {
  constructor(
    private readonly skip: number,
    private readonly effect: Effect,
  ) {}

  check({ faults, stopped }: Model): boolean {
    return isStop(this.effect) ? !stopped : faults < MOST_FAULTS;
  }

  async run(model: Model, walk: Walk): Promise<void> {
    if (isStop(this.effect)) model.stopped = true;
    else model.faults++;
    await walk.disturb(this.skip, this.effect);
  }

  toString(): string {
    return `${this.effect} after ${this.skip}`;
  }
}

const step = (effects: readonly Effect[]) =>
  fc.tuple(fc.nat(12), fc.constantFrom(...effects)).map(([skip, effect]) => new Step(skip, effect));

/**
 * Walks random sequences of faults, stops and disorders of events through random scenarios. Of what breaks an invariant
 * it adds the shortest that it can find, and the tally holds how to repeat it.
 *
 * @param walks how many
 */
export async function walk(tally: Tally, seed: number, walks: number): Promise<void> {
  const property = fc.asyncProperty(
    fc.constantFrom(...Object.keys(SCENARIOS)),
    fc.commands([step(FAULTS), step(DISORDERS), step(STOPS), step(['deployed'])], { maxCommands: 10 }),
    async (scenario, steps) => {
      const real = await Walk.begin(scenario);
      await fc.asyncModelRun(() => ({ model: { faults: 0, stopped: false }, real }), steps);
      const { broken, outcomeHeld } = await real.disturbed.finish();
      const run = { scenario, disturbances: real.disturbed.disturbances };
      // Counted here; of what fails fast-check tells the shortest one below.
      count(tally, run, real.rows, { broken: [], outcomeHeld });
      if (broken.length > 0) throw Object.assign(new Error(nameOf(run)), { broken });
    },
  );
  const { failed, errorInstance } = await fc.check(property, { seed, numRuns: walks });
  if (!failed) return;
  const { message, broken } = errorInstance as Error & { broken?: ReturnType<typeof brokenInvariants> };
  if (!broken) throw errorInstance;
  for (const { invariant } of broken) tally.broken[invariant] = (tally.broken[invariant] ?? 0) + 1;
  tally.failures.push({ name: message, broken });
}
