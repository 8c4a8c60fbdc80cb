import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { adviceOn } from '../../cli/bison-advice';
import { POSTGRES_DEFAULTS } from '../../constructs/aws/postgres-connection';
import { INTERMEDIATE_DAYS } from '../../constructs/bison/names';
import { bisonPage, bisonParts } from '../../docs/bison';
import { ErrorName } from '../../lambdas/bison/errors';
import { postgresDollars } from '../../prices/analytics';
import { BISON_POLICIES, bisonDeployerPolicy } from '../support/bison-calls';

const page = readFileSync(join(__dirname, '../../docs/bison.md'), 'utf8');

test('docs/bison.md has what `npm run generate` makes of the definition, the queries and the prices', () => {
  expect(bisonPage(page)).toBe(page);
  for (const [name, part] of Object.entries(bisonParts())) {
    expect(page).toContain(`<!-- ${name} -->\n${part}\n<!-- /${name} -->`);
  }
});

test('docs/bison.md tells the price of PostgreSQL and the days of objects as the deployment has them', () => {
  expect(page).toContain(`for about $${postgresDollars(POSTGRES_DEFAULTS)?.toFixed(0)} a month`);
  const days = Array.from(page.matchAll(/\| (\d+) days \|/g), ([, number]) => Number(number));
  expect(new Set(days)).toEqual(new Set([INTERMEDIATE_DAYS]));
});

/** The errors of the page's table, with what helps after them. */
const helps = Array.from(
  page.matchAll(/^\| (`\w[\w.]*`.*) \| .* \| `(redrive|start)`.* \|$/gm),
  ([, names = '', then]) => Array.from(names.matchAll(/`([\w.]+)`/g), ([, name = '']) => [name, then] as const),
).flat();

test('docs/bison.md explains every error of a month, and says what helps as `bison status` does', () => {
  const names = helps.map(([name]) => name);

  expect(Object.values(ErrorName).filter((name) => !names.includes(name))).toEqual([]);
  expect(helps).toEqual(names.map((name) => [name, adviceOn('FAILED', name).helps]));
});

test("the deployer's permissions fit into managed policies with the longest prefix, and leave no placeholder", () => {
  const values = {
    ACCOUNT: '123456789012',
    REGION: 'us-gov-west-1',
    PREFIX: 'p'.repeat(31),
    DATABASE: 'bison-metadata',
  };
  for (const name of BISON_POLICIES) {
    const policy = bisonDeployerPolicy(values, [name]);
    const text = JSON.stringify({ Version: '2012-10-17', ...policy });

    expect(text.length).toBeLessThanOrEqual(6144);
    expect(text).not.toMatch(/ACCOUNT|REGION|PREFIX|DATABASE/);
    expect(policy.Statement.flatMap(({ Action }) => Action).filter((action) => /[*?]/.test(action))).toEqual([]);
  }
});
