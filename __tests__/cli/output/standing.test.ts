import { printResults } from '../../../cli/output/standing';
import type { ResultRow } from '../../../lambdas/datastream/result-row';

const costLine = (dollars: readonly (number | null)[]) => {
  const texts: string[] = [];
  const rows = dollars.map((its, index) => ({ name: `job${index}`, status: 'SUCCEEDED', dollars: its }) as ResultRow);
  printResults(rows, { write: (text) => texts.push(text) });
  return texts.join('');
};

it.each([
  [[null, null], '-, without 2 jobs whose price is not known'],
  [[0.5, null], '$0.50 at list prices, without 1 job whose price is not known'],
  [[0.5, 0.25], '$0.75 at list prices'],
  [[], '$0.00 at list prices'],
])('the cost of jobs of %j is told as %s', (dollars, told) => {
  expect(costLine(dollars)).toBe(`  cost        ${told}\n`);
});
