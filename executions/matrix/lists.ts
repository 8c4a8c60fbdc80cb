import { nearest } from '../../files/nearest';
import type { Path } from '../../files/problems';
import type { Findings } from './findings';
import { type MatrixFile, RANGE } from './shape';

/** A list as a file writes it: a name, a range, or the texts themselves. */
type ListFile = string | readonly string[];

/** Reads a list that stands at a path; reports what is wrong there, and gives no text then. */
export type ReadList = (list: ListFile, path: Path) => readonly string[];

/** Reads the lists of a matrix, and those that its other places write themselves. */
export function readLists({ lists = {} }: Pick<MatrixFile, 'lists'>, findings: Findings): ReadList {
  const named = new Map<string, readonly string[]>();
  const inPlace = (list: ListFile, path: Path): readonly string[] | undefined => {
    if (typeof list !== 'string') return withoutRepeats(list, path, findings);
    return list.includes('..') ? range(list, path, findings) : undefined;
  };
  for (const [name, list] of Object.entries(lists)) {
    const path = ['lists', name];
    const texts = inPlace(list, path);
    if (!texts)
      findings.error(path, 'A list does not name another: write a range such as "00..23", or texts in [ ].', list);
    named.set(name, texts ?? []);
  }
  return (list, path) => {
    const texts = inPlace(list, path) ?? named.get(String(list));
    if (!texts) findings.error(path, unknownList(String(list), [...named.keys()]), list);
    return texts ?? [];
  };
}

function unknownList(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const write =
    meant === undefined
      ? 'add it to lists, or write the texts in [ ]'
      : `write ${JSON.stringify(meant)} if that is meant`;
  return `No list has this name: ${write}.`;
}

function withoutRepeats(list: readonly string[], path: Path, findings: Findings): readonly string[] {
  if (list.length === 0) findings.error(path, 'This list is empty: write at least one text.', list);
  list.forEach((text, index) => {
    if (list.indexOf(text) < index)
      findings.error([...path, index], 'This stands in the list already: leave it out.', text);
  });
  return [...new Set(list)];
}

/** `00..18/6` is 00, 06, 12, 18: numbers as wide as the first. */
function range(text: string, path: Path, findings: Findings): readonly string[] {
  const [, first = '', last = '', step = '1'] = RANGE.exec(text) ?? [];
  if (first === '' || Number(last) < Number(first)) {
    findings.error(path, 'This is no range: write FIRST..LAST or FIRST..LAST/STEP, such as "00..18/6".', text);
    return [];
  }
  const numbers: string[] = [];
  for (let number = Number(first); number <= Number(last); number += Number(step)) {
    numbers.push(String(number).padStart(first.length, '0'));
  }
  return numbers;
}
