const fs = require('node:fs');

/**
 * A plugin of esbuild. Each of the SDK's clients imports its whole package.json (2 to 4 KB) and reads only `version`,
 * for the header User-Agent. Here the file has nothing else.
 */
module.exports = {
  name: 'sdk-versions',
  setup(build) {
    build.onLoad({ filter: /[\\/]@aws-sdk[\\/][\w-]+[\\/]package\.json$/ }, async ({ path: file }) => {
      const { version } = JSON.parse(await fs.promises.readFile(file, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};
