import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { carouselPage, carouselParts } from '../../docs/carousel';
import { ErrorName } from '../../lambdas/carousel/errors';

const page = readFileSync(join(__dirname, '../../docs/carousel.md'), 'utf8');

test('docs/carousel.md has what `npm run generate` makes of the definition and the prices', () => {
  expect(carouselPage(page)).toBe(page);
  for (const [name, part] of Object.entries(carouselParts())) {
    expect(page).toContain(`<!-- ${name} -->\n${part}\n<!-- /${name} -->`);
  }
});

test('docs/carousel.md explains every error of a turn', () => {
  const shared = ['NetworkError', 'ServiceUnavailable'];

  expect(Object.values(ErrorName).filter((name) => !shared.includes(name) && !page.includes(`\`${name}\``))).toEqual(
    [],
  );
});
