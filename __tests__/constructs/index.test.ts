import * as surface from '../../constructs';

test('the public surface is the constructs alone; their props are types', () => {
  expect(Object.keys(surface).sort()).toEqual(['BatchJob', 'BatchQueue', 'DataCarousel', 'DataStream', 'Network']);
});
