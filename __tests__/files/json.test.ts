import { parseJson } from '../../files/json';

describe('well-formed JSON', () => {
  test.each([
    ['{"a": [1, true, null]}', { a: [1, true, null] }],
    ['\uFEFF{"a": 1}', { a: 1 }],
    [' \n"x" ', 'x'],
    ['-0.5e+3', -500],
  ])('%j is parsed', (text, value) => {
    expect(parseJson(text)).toEqual({ value, repeated: [] });
  });

  test('may be nested as deeply as the text is long', () => {
    expect(parseJson(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).toHaveProperty('value');
  });
});

describe('the first problem of a text', () => {
  test.each<[string, string, number, number, RegExp]>([
    ['an empty file', '', 1, 1, /empty/],
    ['a file of spaces', ' \n ', 1, 1, /empty/],
    ['a mark alone', '\uFEFF', 1, 1, /empty/],
    ['a comma before }', '{\n  "a": 1,\n}', 2, 9, /no comma before }/],
    ['a comma before ]', '[1, 2, ]', 1, 6, /no comma before \]/],
    ['two commas', '[1,,2]', 1, 4, /value belongs here, not ,/],
    ['a single quote', "{'a': 1}", 1, 2, /double quotes/],
    ['a single quote as a value', '{"a": \'x\'}', 1, 7, /double quotes/],
    ['a typographic quote', '{\u201Ca\u201D: 1}', 1, 2, /typographic/],
    ['a comment', '{\n  // note\n  "a": 1}', 2, 3, /no comments/],
    ['a comment of several lines', '{"a": 1 /* x */}', 1, 9, /no comments/],
    ['a comment of a script', '# x\n{}', 1, 1, /no comments/],
    ['a string without an end', '{"a": "x\n}', 1, 7, /no closing quote/],
    ['a string without an end at the end', '{"a": "x', 1, 7, /no closing quote/],
    ['a string that ends in a backslash', '"x\\', 1, 1, /no closing quote/],
    ['a tab in a string', '{"a": "x\ty"}', 1, 9, /\\t/],
    ['an unknown escape', '{"a": "C:\\x"}', 1, 10, /backslash/],
    ['a short unicode escape', '"\\u12"', 1, 2, /escape/],
    ['a missing comma', '{"a": 1\n "b": 2}', 2, 2, /comma or } is missing/],
    ['a missing comma in a list', '["a" "b"]', 1, 6, /comma or \] is missing/],
    ['a missing colon', '{"a" 1}', 1, 6, /colon/],
    ['a key alone', '{"a"}', 1, 5, /needs a value/],
    ['a key without a value', '{"a": }', 1, 7, /value is missing/],
    ['a key without quotes', '{a: 1}', 1, 2, /key belongs here/],
    ['Python’s True', '{"a": True}', 1, 7, /True is no JSON value: write true/],
    ['Python’s None', '{"a": None}', 1, 7, /write null/],
    ['a word', '{"a": abc}', 1, 7, /double quotes/],
    ['NaN', '[NaN]', 1, 2, /^NaN is no JSON value: JSON has finite numbers/],
    ['minus infinity', '{"a": -Infinity}', 1, 7, /^-Infinity is no JSON value: JSON has finite numbers/],
    ['a number that is too large', '{"timeout_s": 1e400}', 1, 15, /^This number is too large/],
    ['YAML', 'commands:\n  - ls\n', 1, 1, /^This is YAML, not JSON: write \{ \}/],
    ['YAML below a comment', '# my job\n\nregion: us-east-1\n', 3, 1, /^This is YAML/],
    ['YAML that begins with its mark', '---\nregion: us-east-1\n', 1, 1, /^This is YAML/],
    ['a list of YAML', '- ls\n- pwd\n', 1, 1, /^This is YAML/],
    ['a number with a leading zero', '[007]', 1, 2, /no JSON number/],
    ['a number with a unit', '[10s]', 1, 2, /no JSON number/],
    ['a decimal point at the end', '[1.]', 1, 2, /no JSON number/],
    ['a plus sign', '[+1]', 1, 2, /value belongs here/],
    ['an unclosed object', '{"a": {"b": 1}\n', 1, 15, /} is missing for the { of line 1/],
    ['an unclosed list', '{\n "a": [1, 2\n', 2, 12, /\] is missing for the \[ of line 2/],
    ['an end after a comma', '{"a": 1,', 1, 9, /key is missing/],
    ['the wrong bracket', '{"a": [1}', 1, 9, /\] belongs here, not }/],
    ['a bracket too many', '{}}', 1, 3, /ends before this/],
    ['a bracket that opens nothing', ']', 1, 1, /Nothing is open/],
    ['a second value', '{} {}', 1, 4, /ends before this/],
    ['a no-break space', '{\u00A0"a": 1}', 1, 2, /invisible/],
    ['a line of Windows', '{\r\n"a": 1\r\n"b": 2}', 3, 1, /comma/],
  ])('%s', (_, text, line, column, message) => {
    expect(parseJson(text)).toEqual({ error: { line, column, message: expect.stringMatching(message) } });
  });

  test('is the depth of one that no file needs', () => {
    expect(parseJson('['.repeat(100_000))).toMatchObject({
      error: { line: 1, message: expect.stringMatching(/nested too deeply/) },
    });
  });

  test('is found in every text that JSON.parse refuses', () => {
    const whole = '{"a": [1, -2.5e3, "x\\n\\u00e9", true, false, null, {}], "b": {"c": []}}';
    const insertions = ['', ',', ':', '"', '}', ']', '{', '[', 'x', '0', '\\', '\n', "'", '.', '-'];
    for (let at = 0; at < whole.length; at += 1) {
      for (const insertion of insertions) {
        for (const skip of [0, 1]) {
          const text = whole.slice(0, at) + insertion + whole.slice(at + skip);

          const result = parseJson(text);

          if ('error' in result) expect(result.error.message).not.toBe('This is no JSON.');
        }
      }
    }
  });
});
