const fs = require('node:fs');

/**
 * An esbuild plugin. The SDK's schemas name their members by constants, `{ [_eQN]: ... }`. A computed key may have a
 * side effect, so esbuild keeps the schemas of all 823 operations of EC2 (554 KB) for the nine that are used. This
 * plugin replaces the constants by their values; esbuild then drops the unused schemas.
 */
module.exports = {
  name: 'shakeable-schemas',
  setup(build) {
    build.onLoad({ filter: /[\\/]dist-es[\\/]schemas[\\/]schemas_\d+\.js$/ }, async ({ path: file }) => {
      const text = await fs.promises.readFile(file, 'utf8');
      const constants = text.matchAll(/^const (_\w+) = ("[^"\\]*");$/gm);
      const values = new Map(Array.from(constants, ([, name, value]) => [name, value]));
      return { contents: text.replace(/\[(_\w+)\](?=:)/g, (key, name) => values.get(name) ?? key) };
    });
  },
};
