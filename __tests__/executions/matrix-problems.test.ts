import { checkMatrix } from '../../executions/matrix/check';
import { line, matrixFile, problemsOf, stream, TEMPLATES, withLine, withStream } from '../support/matrices';

const SHORT = '$.streams.flow.lines.short';
const told = (file: unknown, sources = {}) =>
  problemsOf(file, sources).map(({ severity, path, message }) => `${severity} ${path}: ${message}`);
/** A matrix whose template is a text of the test. */
const filling = (template: string) =>
  [withStream({ template: 'x.tpl' }), { templates: { 'x.tpl': template } }] as const;

const RANGE = 'Write the name of a list, a range such as "00..18/6", or a list of texts in [ ].';
const VALUE = 'Write a text, a number, true or false, {"by": "..."} or {"join": "..."}.';
const GATE = 'Write true, or {"wait_s": seconds, "uris": ["s3://..."]}.';
const CATCH_UP = 'Write whole hours from 0 to 2160; Step Functions keeps names for 90 days.';
const KEY = 'This name is not possible: write up to 31 letters, digits, _ and -, not with _ or - first.';
const LAG = 'Write hours and minutes after the cycle, from "0:00" to "23:59".';
const CYCLE = 'This is no hour of a cycle: write two digits, "00" to "23".';

it('finds nothing in a matrix without a problem', () => {
  expect(told(matrixFile())).toEqual([]);
});

describe('the shape of a matrix', () => {
  it.each<[string, unknown, string, string]>([
    ['a list', [], '$', 'A matrix is one JSON object: write { ... }.'],
    ['null', null, '$', 'A matrix is one JSON object: write { ... }.'],
    [
      'an unknown key',
      matrixFile({ foo: 1 }),
      '$.foo',
      'This key is unknown: leave it out. Known here: $schema, matrix, starts_per_second, vars, lists, streams.',
    ],
    ['a misspelt key', matrixFile({ list: {} }), '$.list', 'This key is unknown: write "lists" if that is meant.'],
    [
      'a misspelt key of a stream',
      withStream({ templates: 'x' }),
      '$.streams.flow.templates',
      'This key is unknown: write "template" if that is meant.',
    ],
    [
      'an unknown key of a line',
      withLine({ colour: 1 }),
      `${SHORT}.colour`,
      'This key is unknown: leave it out. Known here: cycles, lag, each, name, vars, gate, catch_up_h, pin.',
    ],
    ['no name', matrixFile({ matrix: undefined }), '$.matrix', '"matrix" is missing: a matrix needs it here.'],
    ['a name with a space', matrixFile({ matrix: 'a b' }), '$.matrix', KEY],
    ['a line’s name with a space', withStream({ lines: { 'a b': line() } }), '$.streams.flow.lines["a b"]', KEY],
    ['no streams', matrixFile({ streams: {} }), '$.streams', 'This is empty: write at least one stream.'],
    ['no lines', withStream({ lines: {} }), '$.streams.flow.lines', 'This is empty: write at least one line.'],
    ['no lag', withLine({ lag: undefined }), `${SHORT}.lag`, '"lag" is missing: a matrix needs it here.'],
    ['a lag of a day', withLine({ lag: '24:00' }), `${SHORT}.lag`, LAG],
    ['a lag without minutes', withLine({ lag: '5' }), `${SHORT}.lag`, LAG],
    ['a lag that is a number', withLine({ lag: 5 }), `${SHORT}.lag`, 'Write a text in quotes.'],
    ['a line that is a text', withStream({ lines: { short: 'x' } }), SHORT, 'Write an object in { }.'],
    [
      'no start in a second',
      matrixFile({ starts_per_second: 0 }),
      '$.starts_per_second',
      'Write a number above 0, without quotes.',
    ],
    ['a catch-up of half an hour', withLine({ catch_up_h: 0.5 }), `${SHORT}.catch_up_h`, CATCH_UP],
    ['a catch-up of 91 days', withLine({ catch_up_h: 91 * 24 }), `${SHORT}.catch_up_h`, CATCH_UP],
    ['a gate that is false', withLine({ gate: false }), `${SHORT}.gate`, GATE],
    ['a gate without URIs', withLine({ gate: { uri: ['s3://b/k'] } }), `${SHORT}.gate`, GATE],
    [
      'an empty pin',
      withLine({ pin: [] }),
      `${SHORT}.pin`,
      'This is empty: write the texts of the commands that find the day, or leave pin out.',
    ],
    ['a variable that is null', withLine({ vars: { x: null } }), `${SHORT}.vars.x`, VALUE],
    ['a variable of an unknown form', withLine({ vars: { x: { y: 1 } } }), `${SHORT}.vars.x`, VALUE],
    [
      'a case that is a list',
      withLine({ vars: { x: { by: 'place', a: [1] } } }),
      `${SHORT}.vars.x.a`,
      'Write a text, a number, true or false.',
    ],
    [
      'a join with more',
      withLine({ vars: { x: { join: ['a'], with: ';' } } }),
      `${SHORT}.vars.x.with`,
      'This key is unknown: leave it out. Known here: join.',
    ],
    [
      'a variable’s name with a dash',
      matrixFile({ vars: { 'a-b': 1 } }),
      '$.vars["a-b"]',
      'This is no name of a variable: write letters, digits and _, not with a digit first.',
    ],
  ])('%s is a problem', (_, file, path, message) => {
    expect(told(JSON.parse(JSON.stringify(file)))).toEqual([`error ${path}: ${message}`]);
  });
});

describe('a list', () => {
  it.each<[string, Record<string, unknown>, string, string]>([
    ['that is null', { cycles: null }, 'cycles', RANGE],
    ['of numbers', { cycles: [0] }, 'cycles[0]', 'Write a text in quotes: 01 and "01" are not the same.'],
    [
      'that is not there',
      { cycles: 'hourly' },
      'cycles',
      'No list has this name: add it to lists, or write the texts in [ ].',
    ],
    ['that is misspelt', { cycles: 'sux' }, 'cycles', 'No list has this name: write "six" if that is meant.'],
    [
      'that ends before it begins',
      { cycles: '23..00' },
      'cycles',
      'This is no range: write FIRST..LAST or FIRST..LAST/STEP, such as "00..18/6".',
    ],
    [
      'in steps of none',
      { cycles: '00..18/0' },
      'cycles',
      'This is no range: write FIRST..LAST or FIRST..LAST/STEP, such as "00..18/6".',
    ],
    ['without a text', { each: { place: [] } }, 'each.place', 'This list is empty: write at least one text.'],
    ['with a text twice', { cycles: ['00', '00'] }, 'cycles[1]', 'This stands in the list already: leave it out.'],
    ['of cycles beyond the day', { cycles: ['24'] }, 'cycles', CYCLE],
    ['of cycles with one digit', { cycles: ['7'] }, 'cycles', CYCLE],
  ])('%s is a problem', (_, changes, path, message) => {
    expect(told({ ...withLine(changes), lists: { six: '00..18/6' } })).toEqual([`error ${SHORT}.${path}: ${message}`]);
  });

  it('does not name another', () => {
    expect(told(matrixFile({ lists: { a: 'b' } }))).toEqual([
      'error $.lists.a: A list does not name another: write a range such as "00..23", or texts in [ ].',
    ]);
  });
});

describe('a variable', () => {
  const HINT = '$${ is what the shell is to read.';

  it.each<[string, object, string, string]>([
    [
      'nothing fills it',
      { timeout_s: '${zork}' },
      'timeout_s',
      `Nothing fills \${zork} in flow/short: add it to vars or to each; ${HINT}`,
    ],
    [
      'it is misspelt',
      { timeout_s: '${plac}' },
      'timeout_s',
      `Nothing fills \${plac} in flow/short: write \${place} if that is meant, or add it to vars or to each; ${HINT}`,
    ],
    [
      'it needs itself',
      { timeout_s: '${x}', x: '${timeout_s}' },
      'timeout_s',
      'The value of timeout_s needs itself: write it without ${timeout_s}.',
    ],
    [
      'no case fits',
      { timeout_s: { by: 'place', a: 600 } },
      'timeout_s',
      'No case is for place "b": add one, or "else".',
    ],
    [
      'a case stands twice',
      { timeout_s: { by: 'place', a: 600, 'b,a': 700 } },
      'timeout_s["b,a"]',
      '"a" stands in two cases: leave one of them out.',
    ],
    [
      'what decides is unknown',
      { timeout_s: { by: 'zork', a: 5 } },
      'timeout_s.by',
      `Nothing fills \${zork} in flow/short: add it to vars or to each; ${HINT}`,
    ],
    [
      'it has a function',
      { timeout_s: '${max(1, 2)}' },
      'timeout_s',
      '"${max(1, 2)}" is no variable: write ${name}, or $${ for what the shell is to read.',
    ],
    ['it is init', { init: '00' }, 'init', "init is the cycle's hour, which the matrix gives: choose another name."],
    [
      'it is run_type_l',
      { run_type_l: 'x' },
      'run_type_l',
      "run_type_l is the line's name, which the matrix gives: choose another name.",
    ],
    [
      'it joins a list that is not there',
      { timeout_s: { join: 'all' } },
      'timeout_s.join',
      'No list has this name: add it to lists, or write the texts in [ ].',
    ],
  ])('has a problem where %s', (_, vars, path, message) => {
    expect(told(withLine({ vars }))).toContain(`error ${SHORT}.vars.${path}: ${message}`);
  });

  it('gets a warning for a case that never is; not of the whole file, where another stream may have it', () => {
    const x = { by: 'place', z: 600, else: 700 };

    expect(told(withLine({ vars: { x } }))).toEqual([
      `warning ${SHORT}.vars.x.z: place is never "z" here: leave it out, or add it to the list.`,
    ]);
    const file = matrixFile();
    expect(told({ ...file, vars: { ...(file.vars as object), x } })).toEqual([]);
  });

  it('has no default of nprocs where the vCPUs are not known', () => {
    expect(told(withLine({ vars: { instance_type: 'mac2.metal' } }))).toContain(
      'error $.streams.flow.template: The vCPUs of "mac2.metal" are not known: add nprocs to vars.',
    );
  });

  it('of the tfvars that the matrix does not have gets a warning', () => {
    expect(told(matrixFile(), { overrides: { zork_ami_id: 'ami-1' } })).toEqual([
      'warning $.vars.zork_ami_id: The tfvars have zork_ami_id, which is no variable of this matrix: add it to vars, or name the stream as it begins.',
    ]);
  });
});

describe('a template', () => {
  const TEMPLATE = '$.streams.flow.template';

  it('that is missing is a problem', () => {
    expect(told(withStream({ template: 'no.tpl' }))).toEqual([
      `error ${TEMPLATE}: There is no such template: write its path from the folder of the matrix.`,
    ]);
  });

  it('with a name that nothing fills is a problem beside the job’s name that has it too', () => {
    const file = withStream({ template: 'x.tpl', name: 'job_${zork}_${init}' });

    expect(problemsOf(file, { templates: { 'x.tpl': '{ "a": "${zork}" }' } }).map(({ path }) => path)).toEqual([
      TEMPLATE,
      '$.streams.flow.name',
    ]);
  });

  it('that cannot be read is a problem, with the reason', () => {
    const templates = { 'x.tpl': { error: 'x.tpl: this is a folder; name the files in it.' } };

    expect(told(withStream({ template: 'x.tpl' }), { templates })).toEqual([
      `error ${TEMPLATE}: x.tpl: this is a folder; name the files in it.`,
    ]);
  });

  it.each([
    [
      'a name that nothing fills',
      '{ "a": "${zork}" }',
      'Nothing fills ${zork} in flow/short: add it to vars or to each; $${ is what the shell is to read.',
    ],
    [
      'a function',
      '{\n  "a": "${upper(x)}" }',
      'x.tpl:2:9: "${upper(x)}" is no variable: write ${name}, or $${ for what the shell is to read.',
    ],
    ['no end', '{ "a": "${x', 'x.tpl:1:9: "${x" is no variable: write ${name}, or $${ for what the shell is to read.'],
    [
      'a directive',
      '{ "a": "%{ if x }" }',
      'x.tpl:1:9: "%{" begins a directive of Terraform, which is not possible here: write \\u0025{ for these characters.',
    ],
  ])('with %s is a problem', (_, text, message) => {
    expect(told(...filling(text))).toEqual([`error ${TEMPLATE}: ${message}`]);
  });

  it('that is no JSON when it is filled is a problem of the first job, which counts the others', () => {
    expect(told(...filling('{\n  "a": ${place}\n}'))).toEqual([
      expect.stringMatching(
        /^error \$\.streams\.flow\.lines\.short: Job job_short_a_00 and 3 others: x\.tpl is no JSON when it is filled: line 2, column 8: \S.*\.$/,
      ),
    ]);
  });

  it('that is no JSON object is a problem', () => {
    expect(told(...filling('[]'))).toEqual([
      `error ${SHORT}: Job job_short_a_00 and 3 others: x.tpl is no JSON object: write { ... } in it.`,
    ]);
  });
});

describe('an input', () => {
  it('that the parser of executions refuses is a problem of its line, once for all jobs that have it', () => {
    const vars = { timeout_s: { by: 'place', a: 5, else: 600 }, ami_id: 'ami-###' };

    expect(told(withLine({ vars }))).toEqual([
      `error ${SHORT}: Job job_short_a_00 and 1 other: $.run_options.timeout_s: Write a whole number from 30 to 172800 (SSM cancels a command after 48 hours). Found: 5`,
      expect.stringMatching(
        /^error \S+short: Job job_short_a_00 and 3 others: \$\.instance_parameters\.ImageId: This is no AMI's ID but .* Found: "ami-###"$/,
      ),
    ]);
  });

  it('with another region than the state machine’s is a problem', () => {
    const region = { templates: { 'job.tpl': String(TEMPLATES['job.tpl']).replace('{', '{ "region": "us-east-1",') } };

    const problems = checkMatrix(matrixFile(), region, { region: 'us-west-2' }).problems;

    expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      expect.stringMatching(
        /^\S+short: Job job_short_a_00 and 3 others: \$\.region: The state machine is in us-west-2: /,
      ),
    ]);
    expect(told(matrixFile(), region)).toEqual([]);
  });

  it('whose command finds the day itself gets a warning, without a pin alone', () => {
    const template = String(TEMPLATES['job.tpl']).replace('run --place', 'run --day $(date -u +%Y%m%d) --place');
    const templates = { 'job.tpl': template };

    expect(told(matrixFile(), { templates })).toEqual([
      `warning ${SHORT}: Job job_short_a_00 and 3 others: the command finds the day when it runs, so a catch-up would run another day: add this to pin.`,
    ]);
    expect(told(withLine({ pin: ['$(date -u +%Y%m%d)'] }), { templates })).toEqual([]);
    const seconds = template.replace('%Y%m%d', '%Y%m%d%H%M%S');
    expect(told(matrixFile(), { templates: { 'job.tpl': seconds } })).toEqual([]);
  });

  it('without the text of a pin is a problem', () => {
    expect(told(withLine({ pin: ['$(date)'] }))).toEqual([
      `error ${SHORT}.pin[0]: Job job_short_a_00 and 3 others: no command has this text: write it as the command has it.`,
    ]);
  });
});

describe('a name', () => {
  it('that two jobs of a line have is a problem', () => {
    expect(told(withStream({ name: 'job_${place}' }))).toEqual([
      `error ${SHORT}: Job job_a and 1 other: another job of this line has this name too: put what tells them apart into name, such as \${init}.`,
    ]);
  });

  it('that jobs of two lines have is a problem of the second', () => {
    const lines = { one: line(), two: line() };

    expect(told(withStream({ name: 'job_${place}_${init}', lines }))).toEqual([
      'error $.streams.flow.lines.two: Job job_a_00 and 3 others: a job of flow/one has this name too: put what tells them apart into name, such as ${init}.',
    ]);
  });

  it('of 43 characters is possible, 52 with the day, and no longer one', () => {
    const name = (length: number) => `${'x'.repeat(length - 5)}_\${place}_\${init}`;

    expect(told(withStream({ name: name(43) }))).toEqual([]);
    expect(told(withStream({ name: name(44) }))).toEqual([
      `error ${SHORT}: Job ${'x'.repeat(39)}_a_00 and 3 others: the name has 44 characters, at most 43 are possible, 52 with the day: write a shorter name.`,
    ]);
  });

  it('with other characters is a problem', () => {
    expect(told(withStream({ name: 'job.${place}_${init}' }))).toEqual([
      `error ${SHORT}: Job job.a_00 and 3 others: this name is not possible: write letters, digits, _ and - alone.`,
    ]);
  });

  it('that nothing fills is a problem where it stands', () => {
    expect(told(withStream({ name: 'job_${vpu}_${init}' }))[0]).toMatch(
      /^error \$\.streams\.flow\.name: Nothing fills \$\{vpu\}/,
    );
    expect(told(withLine({ name: '+_${vpu}' }))[0]).toMatch(/^error \S+short\.name: Nothing fills \$\{vpu\}/);
  });
});

it('has at most 10,000 jobs of a line and cycle, and more are a problem before they are made', () => {
  expect(told(withLine({ each: { place: '0000..9999', member: '0000..9999' } }))).toEqual([
    `error ${SHORT}: This line has 100000000 jobs of a cycle: at most 10000 are possible; give each fewer values.`,
  ]);
});

describe('a minute', () => {
  it('takes 1,200 jobs at 1.5 a second, and not one more', () => {
    expect(told(withLine({ cycles: ['00'], each: { place: '0001..1200' } }))).toEqual([]);
    expect(told(withLine({ cycles: ['00'], each: { place: '0001..1201' } }))).toEqual([
      "error $.starts_per_second: 1201 jobs start at 01:30 UTC: at 1.5 a second at most 1200 are possible in a minute's round; give a line another lag, or write more a second.",
    ]);
  });

  it('has the jobs of all lines, at more a second more of them', () => {
    const lines = (lag: string) => ({
      one: line({ each: { place: '1..5' }, name: 'one_${place}_${init}' }),
      two: line({ each: { place: '1..5' }, name: 'two_${place}_${init}', lag }),
    });

    expect(told(withStream({ lines: lines('1:30') }, { starts_per_second: 0.01 }))).toEqual([
      "error $.starts_per_second: 10 jobs start at 01:30 UTC, and too many in 1 other minute: at 0.01 a second at most 8 are possible in a minute's round; give a line another lag, or write more a second.",
    ]);
    expect(told(withStream({ lines: lines('1:31') }, { starts_per_second: 0.01 }))).toEqual([]);
    expect(told(withStream({ lines: lines('1:30') }, { starts_per_second: 0.02 }))).toEqual([]);
  });
});

it('finds all at once, in the order of the file, also beside lines whose shape is wrong', () => {
  const file = {
    ...matrixFile({ matrix: 'a b', starts_per_second: 0 }),
    streams: {
      flow: stream({ lines: { a: line({ lag: 'x' }), b: line({ vars: { timeout_s: 5 } }) } }),
      other: stream({ template: 'no.tpl' }),
    },
    foo: 1,
  };

  expect(problemsOf(file).map(({ path }) => path)).toEqual([
    '$.matrix',
    '$.streams.flow.lines.a.lag',
    '$.streams.flow.lines.b',
    '$.streams.other.template',
    '$.starts_per_second',
    '$.foo',
  ]);
});
