import { App } from 'cdktf';
import { context } from './cdktf.json';
import { type BisonContext, BisonStack } from './constructs/bison/stack';
import { type CarouselContext, CarouselStack } from './constructs/carousel/stack';
import { MatrixError, matrixOf } from './constructs/datastream/matrix';
import { DatastreamStack } from './constructs/datastream/stack';
import { TsdatError, tsdatStacks } from './constructs/tsdat/stack';
import { fileErrorSentence } from './files/disk';

/** The stacks of each system; every stack has a state of its own. */
const SYSTEMS: Readonly<Record<string, (app: App) => void>> = {
  bison: fromContext('bison', (app, value) => new BisonStack(app, 'bison', value as BisonContext)),
  carousel: fromContext('carousel', (app, value) => new CarouselStack(app, 'carousel', value as CarouselContext)),
  datastream: (app) => new DatastreamStack(app, 'datastream', matrixOf(app.node.tryGetContext('matrix'))),
  tsdat: (app) => tsdatStacks(app, app.node.tryGetContext('tsdat')),
};

/** Properties that stand in cdktf.json: what is wrong with one is told without a stack of calls. */
function fromContext(system: string, make: (app: App, value: unknown) => void): (app: App) => void {
  return (app) => {
    try {
      make(app, app.node.tryGetContext(system));
    } catch (error) {
      if ((error as Error).constructor !== Error) throw error;
      console.error(`context.${system} of cdktf.json: ${(error as Error).message}`);
      process.exit(1);
    }
  };
}

function main(): void {
  // cdktf hands the context over; a plain `tsx main.ts` has the file alone.
  const app = new App({ context });
  const named: unknown = app.node.tryGetContext('systems') ?? ['datastream'];
  const systems = Array.isArray(named) ? named.map(String) : [JSON.stringify(named)];
  const unknown = systems.find((system) => !Object.hasOwn(SYSTEMS, system));
  if (unknown !== undefined || systems.length === 0) {
    // Not thrown: a stack would bury the sentence.
    console.error(
      `context.systems of cdktf.json names ${unknown ?? 'no system'}: write a list of ${Object.keys(SYSTEMS).join(', ')}.`,
    );
    process.exit(1);
  }
  for (const system of new Set(systems)) SYSTEMS[system]?.(app);
  app.synth();
}

try {
  main();
} catch (error) {
  if (error instanceof MatrixError || error instanceof TsdatError) {
    console.error(error.message);
    process.exit(1);
  }
  const sentence = fileErrorSentence(error, 'set CDKTF_OUTDIR to another folder, or see to this one');
  if (sentence === undefined) throw error;
  console.error(sentence);
  process.exit(2);
}
