import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ErrorName } from '../../lambdas/datastream/errors';

const page = (name: string) => readFileSync(join(__dirname, '../..', name), 'utf8');

it.each(Object.values(ErrorName))('docs/errors.md says what %s means', (name) => {
  expect(page('docs/errors.md')).toContain(`| \`${name}\``);
});

it('the README names no error that does not exist', () => {
  const section = page('README.md').split('## Troubleshooting')[1]?.split('\n## ')[0] ?? '';
  const named = [...section.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );

  expect(named.length).toBeGreaterThan(8);
  const ec2 = ['InsufficientInstanceCapacity', 'UnauthorizedOperation'];
  expect(
    named.filter((name) => !Object.values<string>(ErrorName).includes(name ?? '') && !ec2.includes(name ?? '')),
  ).toEqual([]);
});
