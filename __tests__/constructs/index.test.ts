import * as surface from '../../constructs';

test('the public surface is the construct alone; its props are a type', () => {
  expect(Object.keys(surface)).toEqual(['DataStream']);
});
