import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateMachinePage } from '../../docs/state-machine';

it('docs/state-machine.md is what `npm run generate` makes of the definition', () => {
  expect(readFileSync(join(__dirname, '../../docs/state-machine.md'), 'utf8')).toBe(stateMachinePage());
});
