import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bisonPage, bisonParts } from '../../docs/bison';
import { ErrorName } from '../../lambdas/bison/errors';

const page = readFileSync(join(__dirname, '../../docs/bison.md'), 'utf8');

test('docs/bison.md has what `npm run generate` makes of the definition, the queries and the prices', () => {
  expect(bisonPage(page)).toBe(page);
  for (const [name, part] of Object.entries(bisonParts())) {
    expect(page).toContain(`<!-- ${name} -->\n${part}\n<!-- /${name} -->`);
  }
});

test('docs/bison.md explains every error of a month', () => {
  const shared = ['NetworkError', 'ServiceUnavailable'];

  expect(Object.values(ErrorName).filter((name) => !shared.includes(name) && !page.includes(`\`${name}\``))).toEqual(
    [],
  );
});
