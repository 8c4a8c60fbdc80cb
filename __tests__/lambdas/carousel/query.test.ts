import { attributesOf, parseQuery } from '../../../lambdas/carousel/query';

test.each([
  ["MISR_Path = '22' and Year = '2015'", { MISR_Path: '22', Year: '2015' }],
  ["where Year='2015' AND Month='08'", { Year: '2015', Month: '8' }],
  ['`Orbit` = "085079"', { Orbit: '85079' }],
  ['month = 12', { Month: '12' }],
  ["Year = '2015' and Year = '2015'", { Year: '2015' }],
  ["FilePath = 'P22/it''s.h5'", { FilePath: "P22/it's.h5" }],
])('reads %s', (query, conditions) => {
  expect(parseQuery(query)).toEqual({ conditions });
});

test.each([
  ['', ['query is empty: write conditions']],
  ["Yaer = '2015'", ['query names the attribute Yaer, which no file has: write Year.']],
  ["Colour = 'red' and Yaer = '1'", ['the attribute Colour, which no file has: write one of FilePath', 'write Year']],
  ["Year = '2015' and Year = '2016'", ['query demands of Year both 2015 and 2016']],
  ["Year = '2015' or Month = '1'", ['query has "or" after a condition: join conditions by and.']],
  ["Year > '2015'", ['query has "Year > 2015", which is no attribute = \'value\'']],
  ["Year = '2015' and", ['query ends with "and"']],
  ["Year = '2015", ['which is no attribute']],
  ["Year = '1'; drop table x", ['query has ";" after a condition']],
  ["itemName() = 'x'", ['which is no attribute']],
])('refuses %s', (query, expected) => {
  const read = parseQuery(query);
  const problems = 'problems' in read ? read.problems : [];

  expect(problems).toHaveLength(expected.length);
  for (const [index, part] of expected.entries()) expect(problems[index]).toContain(part);
});

test("takes a file's attributes from its path and name", () => {
  expect(attributesOf('terra/P022/TERRA_BF_L1B_O85079_20151216160910_F000_V001.h5')).toEqual({
    MISR_Path: '22',
    Orbit: '85079',
    Year: '2015',
    Month: '12',
    Day: '16',
  });
  expect(attributesOf('P8/notes.txt')).toEqual({ MISR_Path: '8' });
  expect(attributesOf('readme.md')).toEqual({});
});
