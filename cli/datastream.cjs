#!/usr/bin/env node
// The command runs from its TypeScript sources: nothing has to be built first.
require('tsx/cjs/api').register();
require('./main.ts');
