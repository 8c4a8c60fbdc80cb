/** A predicate of GBIF's downloads (GBIF API, occurrence download predicates). */
export interface Predicate {
  readonly type: string;
  readonly key?: string;
  readonly value?: string;
  readonly values?: readonly string[];
  readonly predicates?: readonly Predicate[];
}

/** What is asked for: the rows of BISON's filter, as far as GBIF can choose them. The ranks are chosen by the subset. */
export const PREDICATE: Predicate = {
  type: 'and',
  predicates: [
    { type: 'equals', key: 'COUNTRY', value: 'US' },
    { type: 'equals', key: 'HAS_COORDINATE', value: 'true' },
    { type: 'equals', key: 'OCCURRENCE_STATUS', value: 'PRESENT' },
    {
      type: 'in',
      key: 'BASIS_OF_RECORD',
      values: ['HUMAN_OBSERVATION', 'OBSERVATION', 'OCCURRENCE', 'PRESERVED_SPECIMEN'],
    },
  ],
};

/** Whether two predicates choose the same rows: their order does not count, nor members that GBIF adds with defaults. */
export function samePredicate(one: Predicate, other: Predicate): boolean {
  return normal(one) === normal(other);
}

function normal({ type, key = '', value = '', values = [], predicates = [] }: Predicate): string {
  return JSON.stringify([type.toLowerCase(), key, value, [...values].sort(), predicates.map(normal).sort()]);
}
