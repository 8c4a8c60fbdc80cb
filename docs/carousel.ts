import { definition } from '../constructs/carousel/definition';
import { TURN_FUNCTIONS, type TurnFunction } from '../constructs/carousel/functions';
import { ARCHIVE_PRICES, COPY_GB_DAY, tiersOf } from '../prices/archive';
import { diagram, retries } from './state-machine';

const ROLES = Object.fromEntries(TURN_FUNCTIONS.map((name) => [name, name])) as Record<TurnFunction, string>;

const LABELS = {
  'Planned Plan': '"more to list"',
  'Planned Restore': '"the plan is written"',
  'Restored Restore': '"more files"',
  'Restored Follow': '"all are asked for"',
  Failed: '"not all was done"',
  Succeeded: '"every file verified, every job succeeded"',
};

/** The parts of docs/carousel.md that are generated, by their names. */
export function carouselParts(): Readonly<Record<string, string>> {
  const machine = definition(ROLES);
  const dollars = (value: number) => `$${Number(value.toPrecision(4))}`;
  const prices = (['GLACIER', 'DEEP_ARCHIVE'] as const).flatMap((storageClass) =>
    tiersOf(storageClass).map((tier) => {
      const { request = 0, gb = 0 } = ARCHIVE_PRICES.retrieval[storageClass][tier] ?? {};
      return `| ${storageClass} | ${tier} | ${dollars(request * 1000)} | ${dollars(gb)} | ${Number((gb / COPY_GB_DAY).toFixed(1))} |`;
    }),
  );
  return {
    turn: `\`\`\`mermaid\n${diagram(machine, LABELS)}\n\`\`\``,
    retries: [
      '| state | errors | first wait | factor | longest wait | retries |',
      '| --- | --- | --- | --- | --- | --- |',
      ...Object.entries(machine.States).flatMap(([name, state]) => retries(name, state)),
    ].join('\n'),
    prices: [
      `List prices of ${ARCHIVE_PRICES.region} of ${ARCHIVE_PRICES.as_of} (${ARCHIVE_PRICES.source}). A copy costs ${dollars(ARCHIVE_PRICES.copy_gb_month)} a GB-month.`,
      '',
      '| storage class | tier | 1,000 requests | a GB | days for which keeping a copy is cheaper than another restore |',
      '| --- | --- | --- | --- | --- |',
      ...prices,
    ].join('\n'),
  };
}

/** The page with another text between the comments `<!-- name -->` and `<!-- /name -->`. */
export function replaced(page: string, name: string, part: string): string {
  return page.replace(
    new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(\\n<!-- /${name} -->)`),
    (_, before: string, after: string) => `${before}${part}${after}`,
  );
}

/** The page with its generated parts as they are now. @param page the page as it is */
export function carouselPage(page: string): string {
  return Object.entries(carouselParts()).reduce((text, [name, part]) => replaced(text, name, part), page);
}
