/** Longer words cannot be typos of our names. The time for the distance grows with length times length. */
const LONGEST_WORD = 64;

/**
 * The candidate that the word was probably meant to be, by edit distance. Case, `_` and `-` do not count. An exchange
 * of two neighbours counts as one edit.
 *
 * @returns undefined if none is close: at most 1 edit in a word of up to 6 letters, 2 up to 11, else 3
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = normalise(word);
  if (plain.length === 0 || plain.length > LONGEST_WORD) return undefined;
  const allowed = plain.length <= 6 ? 1 : plain.length <= 11 ? 2 : 3;
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(plain, normalise(candidate)) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** Optimal string alignment: insertions, deletions, substitutions and exchanges of neighbours, each 1. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1));
      const exchanged = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (exchanged) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? 0;
}

function normalise(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, '');
}
