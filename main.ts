import { App } from 'cdktf';
import { context } from './cdktf.json';
import { SettingsError } from './constructs/aws/settings-error';
import { bisonStack } from './constructs/bison/stack';
import { carouselStack } from './constructs/carousel/stack';
import { matrixOf } from './constructs/datastream/matrix';
import { DatastreamStack } from './constructs/datastream/stack';
import { tsdatStacks } from './constructs/tsdat/stack';
import { fileErrorSentence } from './files/disk';

/** The stacks of each system, every stack has a state of its own. */
const SYSTEMS: Readonly<Record<string, (app: App) => void>> = {
  bison: (app) => bisonStack(app, app.node.tryGetContext('bison')),
  carousel: (app) => carouselStack(app, app.node.tryGetContext('carousel')),
  datastream: (app) => new DatastreamStack(app, 'datastream', matrixOf(app.node.tryGetContext('matrix'))),
  tsdat: (app) => tsdatStacks(app, app.node.tryGetContext('tsdat')),
};

function main(): void {
  // cdktf hands the context over; a plain `tsx main.ts` has the file alone.
  const app = new App({ context });
  const named: unknown = app.node.tryGetContext('systems') ?? ['datastream'];
  const systems = Array.isArray(named) ? named.map(String) : [JSON.stringify(named)];
  const unknown = systems.find((system) => !Object.hasOwn(SYSTEMS, system));
  if (unknown !== undefined || systems.length === 0) {
    throw new SettingsError(
      `context.systems of cdktf.json names ${unknown ?? 'no system'}: write a list of ${Object.keys(SYSTEMS).join(', ')}.`,
    );
  }
  for (const system of new Set(systems)) SYSTEMS[system]?.(app);
  app.synth();
}

try {
  main();
} catch (error) {
  if (error instanceof SettingsError) {
    // A stack would bury the sentence.
    console.error(error.message);
    process.exit(1);
  }
  const sentence = fileErrorSentence(error, 'set CDKTF_OUTDIR to another folder, or see to this one');
  if (sentence === undefined) throw error;
  console.error(sentence);
  process.exit(2);
}
