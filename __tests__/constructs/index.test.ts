import * as surface from '../../constructs';

test('the public surface is the constructs and a parser; props are types', () => {
  expect(Object.keys(surface).sort()).toEqual([
    'BatchJob',
    'BatchQueue',
    'Bison',
    'Catalog',
    'DataCarousel',
    'DataStream',
    'Network',
    'PostgresConnection',
    'TsdatData',
    'TsdatPipelines',
    'parsePipelines',
  ]);
});
