import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performancePage } from '../../docs/performance';

const page = (name: string) => readFileSync(join(__dirname, '../../docs', name), 'utf8');

it('docs/performance.md is what is stored', () => {
  expect(page('performance.md')).toBe(performancePage(JSON.parse(page('performance.json'))));
});

it('tells no path and no name of the computer that it was made on', () => {
  expect(page('performance.json')).not.toMatch(/\/(home|tmp|root|Users|work|opt)\b/);
});
