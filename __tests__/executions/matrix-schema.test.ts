import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { matrixSchema } from '../../executions/matrix/schema';
import { matrixFile, withLine, withStream } from '../support/matrices';

const room = join(__dirname, '../../executions');
const read = (file: string): unknown => JSON.parse(readFileSync(join(room, file), 'utf8'));
const validate = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(matrixSchema());

test('the schema in the repository is the one that the generator writes: run `npm run generate`', () => {
  expect(read('matrix.schema.json')).toEqual(matrixSchema());
});

test('the example is valid by the schema that it names', () => {
  const example = read('examples/schedules/rivers.matrix.json');

  expect(example).toMatchObject({ $schema: '../../matrix.schema.json' });
  expect(validate(example) ? [] : validate.errors).toEqual([]);
});

test('the schema takes every form of a value', () => {
  const vars = {
    a: 'x',
    b: 1,
    c: true,
    d: { by: 'place', 'a,b': 'x', else: 2 },
    e: { join: 'list' },
    f: { join: ['x'] },
  };

  expect(validate(withLine({ vars, gate: true, pin: ['x'], catch_up_h: 0 })) ? [] : validate.errors).toEqual([]);
});

test.each([
  ['an unknown key', matrixFile({ foo: 1 })],
  ['an unknown key of a line', withLine({ foo: 1 })],
  ['no template', withStream({ template: undefined })],
  ['a lag of a day', withLine({ lag: '24:00' })],
  ['a list of numbers', withLine({ cycles: [1] })],
  ['a variable that is null', withLine({ vars: { x: null } })],
  ['no start in a second', matrixFile({ starts_per_second: 0 })],
])('the schema refuses %s', (_, file) => {
  expect(validate(JSON.parse(JSON.stringify(file)))).toBe(false);
});
