import { wrap } from '../../../cli/output/wrap';

const at = (columns: number, text: string) => wrap(text, { isTTY: true, columns }).split('\n');

const FAULT =
  '  error    $.instance_parameters.ImageId\n           This is the placeholder of the template: write the ID of your AMI.\n';

test('breaks at words and keeps the indent', () => {
  expect(at(40, FAULT)).toEqual([
    '  error    $.instance_parameters.ImageId',
    '           This is the placeholder of',
    '           the template: write the ID of',
    '           your AMI.',
    '',
  ]);
});

test('continues a row in its second column', () => {
  expect(at(35, '  cost      $0.000187 for the orchestration')).toEqual([
    '  cost      $0.000187 for the',
    '            orchestration',
  ]);
});

test.each([20, 33, 40, 60, 80, 132])('loses no word and leaves no line too long at %i columns', (columns) => {
  const lines = at(columns, FAULT);

  expect(lines.join(' ').split(/\s+/)).toEqual(FAULT.split(/\s+/));
  // But for one word that is longer than the line.
  for (const line of lines.filter((each) => each.length > columns)) expect(line).toContain('$.instance_parameters');
});

test('leaves a word whole that is longer than the line, to be copied', () => {
  expect(at(20, '  s3://a-bucket/a/long/way/to/object.txt is there')).toEqual([
    '  s3://a-bucket/a/long/way/to/object.txt',
    '  is there',
  ]);
});

test.each([
  ['no terminal', { isTTY: false, columns: 40 }],
  ['a terminal that does not say how wide it is', { isTTY: true }],
  ['a terminal too narrow for words', { isTTY: true, columns: 10 }],
])('changes nothing on %s', (_, output) => {
  expect(wrap(FAULT, output)).toBe(FAULT);
});
