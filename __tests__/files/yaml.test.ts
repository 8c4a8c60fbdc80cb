import fc from 'fast-check';
import { NotText, parseYaml } from '../../files/yaml';

const value = (text: string) => {
  const read = parseYaml(text);
  if ('errors' in read) throw new Error(JSON.stringify(read.errors));
  return read.value;
};

test.each([
  ['012345670123', new NotText('012345670123', 'number')],
  ['123456789012', new NotText('123456789012', 'number')],
  ['1_000', new NotText('1_000', 'number')],
  ['12:30:45', new NotText('12:30:45', 'number')],
  ['2024-08-30', new NotText('2024-08-30', 'date')],
  ['True', true],
  ['off', false],
  ['n', 'n'],
  ['y', 'y'],
  ['1e5', '1e5'],
  ['~', null],
  ['', null],
  ['"yes"', 'yes'],
  ["'012'", '012'],
  ['!!str 012', '012'],
  ['us-west-2', 'us-west-2'],
])('reads %s as PyYAML does', (text, expected) => {
  expect(value(`key: ${text}\n`)).toEqual({ key: expected });
});

test('knows the line of each key and entry, and for what is missing the line of its parent', () => {
  const read = parseYaml('# head\na: 1\nlist:\n  - name: x\n    deep: {\n      y: 2 }\n  - z\n');
  if ('errors' in read) throw new Error('no YAML');

  expect(read.lineOf(['a'])).toBe(2);
  expect(read.lineOf(['list', 0, 'name'])).toBe(4);
  expect(read.lineOf(['list', 0, 'deep', 'y'])).toBe(6);
  expect(read.lineOf(['list', 1])).toBe(7);
  expect(read.lineOf(['list', 0, 'deep', 'gone'])).toBe(5);
});

test('reads anchors, aliases and merge keys', () => {
  expect(value('base: &b {a: x, b: y}\nother:\n  <<: *b\n  b: z\n')).toEqual({
    base: { a: 'x', b: 'y' },
    other: { a: 'x', b: 'z' },
  });
});

test('finds a key that is here again, with the line of the first', () => {
  expect(parseYaml('a: 1\nb: 2\na: 3\n')).toEqual({
    errors: [
      {
        line: 3,
        message: 'The key "a" is here again, first at line 1: YAML would keep only the last one. Remove one.',
      },
    ],
  });
});

test.each([
  ['a tab', 'a:\n\tb: 1\n', 2],
  ['a second document', 'a: 1\n---\nb: 1\n', 2],
  ['an open quote', 'a: 1\nb: "x\n', 3],
  ['an alias of nothing', 'a: *gone\n', 1],
])('says in a sentence where a text is no YAML: %s', (_, text, line) => {
  const read = parseYaml(text);

  expect('errors' in read && read.errors[0]).toEqual({ line, message: expect.stringMatching(/^[A-Z].*\.$/) });
});

test.each([
  ['a: [', 1, 'A [ is not closed: write ] at its end'],
  ['a:\n  b: {c: d\n  e: f\n', 3, 'A { is not closed: write } at its end'],
  ['[a', 1, 'A [ is not closed: write ] at its end'],
])('says which bracket is not closed in %j', (text, line, message) => {
  expect(parseYaml(text)).toEqual({ errors: [{ line, message: expect.stringContaining(message) }] });
});

test('refuses aliases that would fill the memory, and a value within itself', () => {
  const bomb = Array.from(
    { length: 12 },
    (_, at) => `a${at}: &a${at} [${Array(10).fill(at === 0 ? 'x' : `*a${at - 1}`)}]`,
  );

  expect(parseYaml(bomb.join('\n'))).toHaveProperty('errors');
  expect(parseYaml('a: &a\n  b: *a\n')).toHaveProperty('errors');
  expect(parseYaml('['.repeat(20_000))).toHaveProperty('errors');
});

test('never throws', () => {
  const pieces = fc.array(
    fc.constantFrom(
      'a',
      ': ',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&x ',
      '*x',
      '"',
      '\t',
      '!!str ',
      '<<',
      '? ',
      '|',
      '#',
    ),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        pieces.map((each) => each.join('')),
      ),
      (text) => {
        parseYaml(text);
      },
    ),
    { numRuns: 2000 },
  );
});

test('says one thing of a text that tabs indent', () => {
  expect(parseYaml('a:\n\tb: 1\n\tc:\n\t- d\n')).toEqual({
    errors: [{ line: 2, message: 'A tab cannot indent YAML: write spaces, here and in all other lines.' }],
  });
});

test('does not read a text that is much too long', () => {
  expect(parseYaml('a: 1\n'.repeat(600_000))).toEqual({
    errors: [{ line: 1, message: 'It has 3 million characters: no configuration is so long.' }],
  });
});
