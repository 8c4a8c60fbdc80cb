import type { Definition, State } from '../../local/states/definition';

/** A small machine for one feature of the States Language, and what must come of it. */
export interface SmallMachine {
  readonly feature: string;
  /** Where the expected value comes from: `ASL` is https://states-language.net/spec.html, `DG` AWS's Developer Guide. */
  readonly source: string;
  readonly definition: Definition;
  readonly input?: unknown;
  /** The output, or the error with which it fails. */
  readonly expected: { readonly output: unknown } | { readonly error: string; readonly cause?: string };
  /** Why moto's interpreter, which is not AWS's, comes to something else. Default: it comes to the same. */
  readonly motoDiffers?: string;
}

const alone = (state: Omit<State, 'End'>, name = 'Only'): Definition => ({
  StartAt: name,
  States: { [name]: { ...state, End: true } },
});
let machines = 0;
/** A machine in a branch or a Map. State names are unique in the whole machine (ASL, States). */
const within = (state: Omit<State, 'End'> = { Type: 'Pass' }) => alone(state, `Within${++machines}`);
const pass = (state: Omit<State, 'Type' | 'End'>) => alone({ Type: 'Pass', ...state });
const fail = (error: string, cause = 'broken'): Definition => ({
  StartAt: 'Broken',
  States: { Broken: { Type: 'Fail', Error: error, Cause: cause } },
});

const NUMBERS = { title: 'Numbers to add', numbers: { val1: 3, val2: 4 } };
const ITEMS = {
  items: [
    { n: 1, name: 'one' },
    { n: 2, name: 'two' },
    { n: 3, name: 'three' },
  ],
};

export const PATHS: readonly SmallMachine[] = [
  {
    feature: 'Reference Paths name one node each',
    source: 'ASL, Reference Paths',
    definition: pass({ Parameters: { foo: 1, 'a.$': '$.foo', 'b.$': '$.bar', 'c.$': '$.car.cdr', 'd.$': "$['car']" } }),
    input: { foo: 123, bar: ['a', 'b', 'c'], car: { cdr: true } },
    expected: { output: { foo: 1, a: 123, b: ['a', 'b', 'c'], c: true, d: { cdr: true } } },
  },
  {
    feature: 'a Payload Template takes an element and a slice',
    source: 'ASL, Payload Template',
    definition: pass({ Parameters: { flagged: true, parts: { 'first.$': '$.vals[0]', 'last3.$': '$.vals[-3:]' } } }),
    input: { flagged: 7, vals: [0, 10, 20, 30, 40, 50] },
    expected: { output: { flagged: true, parts: { first: 0, last3: [30, 40, 50] } } },
  },
  {
    feature: 'a Payload Template fills objects in an array',
    source: 'ASL, Payload Template',
    definition: pass({ Parameters: { list: [{ 'a.$': '$.a' }, { b: [{ 'c.$': '$.a' }] }, 'x'] } }),
    input: { a: 1 },
    expected: { output: { list: [{ a: 1 }, { b: [{ c: 1 }] }, 'x'] } },
  },
  {
    feature: 'a wildcard, a filter and a descent give arrays',
    source: 'ASL, Paths',
    definition: pass({
      Parameters: {
        'all.$': '$.items[*].n',
        'some.$': '$.items[?(@.n > 1)].name',
        'deep.$': '$..name',
        'none.$': '$.items[?(@.n > 5)]',
      },
    }),
    input: ITEMS,
    expected: { output: { all: [1, 2, 3], some: ['two', 'three'], deep: ['one', 'two', 'three'], none: [] } },
    motoDiffers: 'its parser of paths knows no filter that finds nothing',
  },
  {
    feature: 'null is a value, and not a missing node',
    source: 'ASL, Paths',
    definition: pass({ Parameters: { 'nothing.$': '$.nothing' } }),
    input: { nothing: null },
    expected: { output: { nothing: null } },
  },
  {
    feature: 'InputPath and ResultPath: the result comes beside the raw input',
    source: 'ASL, Input and Output Processing',
    definition: pass({ InputPath: '$.numbers', Parameters: { 'of.$': '$.val2' }, ResultPath: '$.sum' }),
    input: NUMBERS,
    expected: { output: { ...NUMBERS, sum: { of: 4 } } },
  },
  {
    feature: 'ResultPath makes the objects that are missing',
    source: 'ASL, Input and Output Processing',
    definition: pass({ Result: 7, ResultPath: '$.master.detail' }),
    input: { master: { a: 1 }, b: 2 },
    expected: { output: { master: { a: 1, detail: 7 }, b: 2 } },
  },
  {
    feature: 'ResultPath null discards the result',
    source: 'ASL, Input and Output Processing',
    definition: pass({ Result: 7, ResultPath: null }),
    input: { a: 1 },
    expected: { output: { a: 1 } },
  },
  {
    feature: 'InputPath null gives an empty object',
    source: 'ASL, Input and Output Processing',
    definition: pass({ InputPath: null }),
    input: { a: 1 },
    expected: { output: {} },
  },
  {
    feature: 'OutputPath null gives an empty object',
    source: 'ASL, Input and Output Processing',
    definition: pass({ OutputPath: null }),
    input: { a: 1 },
    expected: { output: {} },
  },
  {
    feature: 'OutputPath chooses from what ResultPath has made',
    source: 'ASL, Input and Output Processing',
    definition: pass({ Result: [1, 2], ResultPath: '$.r', OutputPath: '$.r[1]' }),
    expected: { output: 2 },
  },
  {
    feature: 'ResultSelector reads the result, and $$ the context',
    source: 'ASL, ResultSelector',
    definition: alone({
      Type: 'Parallel',
      Branches: [within({ Type: 'Pass', Result: { a: 1, b: 2 } })],
      ResultSelector: { 'a.$': '$[0]', 'state.$': '$$.State.Name', 'input.$': '$$.Execution.Input' },
      ResultPath: '$.out',
    }),
    input: { x: 0 },
    expected: { output: { x: 0, out: { a: { a: 1, b: 2 }, state: 'Only', input: { x: 0 } } } },
  },
  {
    feature: 'a path of Parameters that names nothing',
    source: 'ASL, Appendix A',
    definition: pass({ Parameters: { 'a.$': '$.missing' } }),
    expected: { error: 'States.ParameterPathFailure' },
    motoDiffers: 'it says States.Runtime',
  },
  {
    feature: 'an InputPath that names nothing',
    source: 'DG, Handling errors, States.Runtime',
    definition: pass({ InputPath: '$.missing' }),
    expected: { error: 'States.Runtime' },
  },
  {
    feature: 'a ResultPath beside a text',
    source: 'ASL, Appendix A',
    definition: pass({ Result: 1, ResultPath: '$.a.b' }),
    input: { a: 'text' },
    expected: { error: 'States.ResultPathMatchFailure' },
    motoDiffers: 'it puts an object in the place of the text',
  },
];

const intrinsic = (call: string, input: unknown, output: unknown, motoDiffers?: string): SmallMachine => ({
  feature: call,
  source: 'ASL, Appendix B; DG, Intrinsic functions',
  definition: pass({ Parameters: { 'value.$': call } }),
  input,
  expected: { output: { value: output } },
  ...(motoDiffers && { motoDiffers }),
});
const refused = (call: string, input: unknown = {}): SmallMachine => ({
  ...intrinsic(call, input, undefined, 'it says States.Runtime'),
  expected: { error: 'States.IntrinsicFailure' },
});

export const INTRINSICS: readonly SmallMachine[] = [
  intrinsic("States.Format('Hello, my name is {}.', $.name)", { name: 'Arnav' }, 'Hello, my name is Arnav.'),
  intrinsic('States.Format($.template, $.name)', { name: 'A', template: 'Hello, {}.' }, 'Hello, A.'),
  intrinsic("States.Format('{} {} {}', 1, true, null)", {}, '1 true null', 'it leaves null out of the arguments'),
  intrinsic("States.Format('{}, {}', $.list, $.map)", { list: [1, 'a'], map: { k: 'v' } }, '[1, a], {k=v}'),
  intrinsic(
    String.raw`States.Format('it\'s \{\} and {}', 'a\\b')`,
    {},
    String.raw`it's {} and a\b`,
    'it takes escaped braces for placeholders',
  ),
  intrinsic('States.StringToJson($.text)', { text: '{"number": 20}' }, { number: 20 }),
  intrinsic('States.JsonToString($.value)', { value: { name: 'Foo', year: 2020 } }, '{"name":"Foo","year":2020}'),
  intrinsic(
    "States.Array($.Id, 'x', 3, null)",
    { Id: 123456 },
    [123456, 'x', 3, null],
    'it leaves null out of the arguments',
  ),
  intrinsic('States.Array()', {}, []),
  intrinsic('States.ArrayPartition($.a, 4)', { a: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, [[1, 2, 3, 4], [5, 6, 7, 8], [9]]),
  intrinsic('States.ArrayContains($.a, $.look)', { a: [{ x: 1 }, 5], look: { x: 1 } }, true),
  intrinsic('States.ArrayContains($.a, 4)', { a: [1, 2] }, false),
  intrinsic('States.ArrayRange(1, 9, 2)', {}, [1, 3, 5, 7, 9]),
  intrinsic('States.ArrayGetItem($.a, $.i)', { a: [1, 2, 3], i: 2 }, 3),
  intrinsic('States.ArrayLength($.a)', { a: [1, 2, 3] }, 3),
  intrinsic('States.ArrayUnique($.a)', { a: [1, 2, 3, 3, 1] }, [1, 2, 3]),
  intrinsic("States.Base64Encode('Data to encode')", {}, 'RGF0YSB0byBlbmNvZGU='),
  intrinsic("States.Base64Decode('RGVjb2RlZCBkYXRh')", {}, 'Decoded data'),
  intrinsic("States.Hash('input data', 'SHA-1')", {}, 'aaff4a450a104cd177d28d18d74485e8cae074b7'),
  intrinsic(
    'States.JsonMerge($.a, $.b, false)',
    { a: { a: { a1: 1, a2: 2 }, b: 2 }, b: { a: { a3: 1 }, c: 3 } },
    {
      a: { a3: 1 },
      b: 2,
      c: 3,
    },
  ),
  intrinsic('States.MathAdd($.v, -1)', { v: 111 }, 110),
  intrinsic('States.MathAdd($.a, $.b)', { a: 1.5, b: -1.5 }, 1),
  intrinsic("States.StringSplit('1,2,3,4,5', ',')", {}, ['1', '2', '3', '4', '5']),
  intrinsic("States.StringSplit('This.is+a,test=string', '.+,=')", {}, ['This', 'is', 'a', 'test', 'string']),
  intrinsic("States.ArrayLength(States.StringSplit('a-b-c', '-'))", {}, 3),
  intrinsic("States.Format('{}/{}', $$.State.Name, States.ArrayGetItem($['a, b)'], 0))", { 'a, b)': ['x'] }, 'Only/x'),
  intrinsic('States.ArrayLength($.items[?(@.n > 1)])', ITEMS, 2),
  refused('States.ArrayGetItem($.a, 3)', { a: [1] }),
  refused('States.ArrayRange(0, 1000, 1)'),
  refused("States.StringToJson('no JSON')"),
  refused("States.Hash('a', 'CRC')"),
  refused('States.JsonMerge($.a, $.a, true)', { a: {} }),
  refused("States.Format('{} {}', 1)"),
  refused('States.MathAdd($.missing, 1)'),
];

const decision = (rule: Readonly<Record<string, unknown>>, Variable = '$.v'): Definition => ({
  StartAt: 'Decide',
  States: {
    Decide: {
      Type: 'Choice',
      Choices: [{ ...('And' in rule || 'Or' in rule || 'Not' in rule ? {} : { Variable }), ...rule, Next: 'Yes' }],
      Default: 'No',
    },
    Yes: { Type: 'Pass', Result: true, End: true },
    No: { Type: 'Pass', Result: false, End: true },
  },
});
const choice = (
  rule: Readonly<Record<string, unknown>>,
  v: unknown,
  output: boolean,
  rest: object = {},
  motoDiffers?: string,
): SmallMachine => ({
  feature: `${JSON.stringify(v)} ${JSON.stringify(rule)} ${JSON.stringify(rest)}`,
  source: 'ASL, Choice State',
  definition: decision(rule),
  input: { v, ...rest },
  expected: { output },
  ...(motoDiffers && { motoDiffers }),
});

export const CHOICES: readonly SmallMachine[] = [
  choice({ StringEquals: 'a' }, 'a', true),
  choice({ StringEquals: '1' }, 1, false),
  choice({ StringLessThan: 'b' }, 'a', true),
  choice({ StringGreaterThan: 'b' }, 'a', false),
  choice({ StringLessThanEquals: 'a' }, 'a', true),
  choice({ StringGreaterThanEquals: 'a' }, 'B', false),
  choice({ StringEqualsPath: '$.w' }, 'a', true, { w: 'a' }),
  choice({ StringMatches: 'log-*.txt' }, 'log-2020.txt', true),
  choice({ StringMatches: 'log-*.txt' }, 'log-2020.txt2', false),
  choice({ StringMatches: 'a.c*' }, 'abc', false),
  choice({ StringMatches: 'a\\*b' }, 'a*b', true, {}, 'it knows no escaped star'),
  choice({ StringMatches: 'a\\*b' }, 'axb', false),
  choice({ NumericEquals: 1 }, 1.0, true),
  choice({ NumericLessThan: 2 }, 1, true),
  choice({ NumericGreaterThan: 2 }, 10, true),
  choice({ NumericLessThanEquals: 2 }, 2, true),
  choice({ NumericGreaterThanEquals: 2 }, 1, false),
  choice({ NumericGreaterThanPath: '$.w' }, 3, true, { w: 2 }),
  choice({ BooleanEquals: true }, true, true),
  choice({ BooleanEquals: true }, 'true', false),
  choice({ BooleanEqualsPath: '$.w' }, false, true, { w: false }),
  choice({ TimestampEquals: '2016-08-18T17:33:00Z' }, '2016-08-18T17:33:00Z', true),
  choice(
    { TimestampLessThan: '2016-08-18T17:33:00Z' },
    '2016-08-18T17:32:59.999Z',
    true,
    {},
    'it reads no fractions of a second',
  ),
  choice({ TimestampGreaterThan: '2016-08-18T17:33:00Z' }, '2016-08-18T17:34:00Z', true),
  choice({ TimestampLessThanEquals: '2016-08-18T17:33:00Z' }, '2016-08-18T17:33:00Z', true),
  choice({ TimestampGreaterThanEqualsPath: '$.w' }, '2016-08-18T17:33:00Z', false, { w: '2017-08-18T17:33:00Z' }),
  choice({ IsNull: true }, null, true),
  choice({ IsNull: true }, 0, false),
  choice({ IsNumeric: true }, 0, true),
  choice({ IsString: true }, 0, false),
  choice({ IsString: false }, 0, true),
  choice({ IsBoolean: true }, false, true),
  choice({ IsTimestamp: true }, '2016-08-18T17:33:00Z', true),
  choice({ IsTimestamp: true }, '18 August 2016', false),
  choice({ IsPresent: true }, null, true),
  choice({ IsPresent: true }, undefined, false),
  choice({ IsPresent: false }, undefined, true),
  choice({ Not: { Variable: '$.v', StringEquals: 'Private' } }, 'Public', true),
  choice(
    {
      And: [
        { Variable: '$.v', IsPresent: true },
        { Variable: '$.v', NumericGreaterThanEquals: 20 },
      ],
    },
    22,
    true,
  ),
  choice(
    {
      And: [
        { Variable: '$.v', IsPresent: true },
        { Variable: '$.v', NumericLessThan: 30 },
      ],
    },
    undefined,
    false,
  ),
  choice(
    {
      Or: [
        { Variable: '$.v', NumericEquals: 1 },
        { Variable: '$.v', NumericEquals: 2 },
      ],
    },
    2,
    true,
  ),
  {
    feature: 'a timestamp with an offset is compared as a moment',
    source: 'ASL, Timestamps',
    definition: decision({ TimestampEquals: '2016-08-18T17:33:00Z' }),
    input: { v: '2016-08-18T19:33:00+02:00' },
    expected: { output: true },
    motoDiffers: 'it knows timestamps that end in Z alone',
  },
  {
    feature: 'the first rule that holds decides',
    source: 'ASL, Choice State',
    definition: {
      StartAt: 'Decide',
      States: {
        Decide: {
          Type: 'Choice',
          Choices: [
            { Variable: '$.v', NumericEquals: 2, Next: 'A' },
            { Variable: '$.v', NumericGreaterThan: 0, Next: 'B' },
            { Variable: '$.v', NumericEquals: 1, Next: 'A' },
          ],
        },
        A: { Type: 'Pass', Result: ['A'], End: true },
        B: { Type: 'Pass', Result: ['B'], End: true },
      },
    },
    input: { v: 1 },
    expected: { output: ['B'] },
  },
  {
    feature: 'a Variable that names nothing',
    source: 'DG, Choice workflow state',
    definition: decision({ NumericEquals: 1 }, '$.missing'),
    expected: { error: 'States.Runtime' },
    motoDiffers: 'it takes a missing Variable for a rule that does not hold',
  },
  {
    feature: 'no rule holds, and there is no Default',
    source: 'ASL, Choice State',
    definition: {
      StartAt: 'Decide',
      States: {
        Decide: { Type: 'Choice', Choices: [{ Variable: '$.v', NumericEquals: 2, Next: 'A' }] },
        A: { Type: 'Succeed' },
      },
    },
    input: { v: 1 },
    expected: { error: 'States.NoChoiceMatched' },
    motoDiffers: 'it says States.Runtime',
  },
];

const caught = (branch: Definition, ErrorEquals: readonly string[], rest: Partial<State> = {}): Definition => ({
  StartAt: 'Together',
  States: {
    Together: {
      Type: 'Parallel',
      Branches: [branch],
      Catch: [{ ErrorEquals, ResultPath: '$.error', Next: 'Caught' }],
      End: true,
      ...rest,
    },
    Caught: { Type: 'Pass', End: true },
  },
});

export const STATES: readonly SmallMachine[] = [
  {
    feature: 'Pass gives its input on, Succeed ends with OutputPath',
    source: 'ASL, Pass State; Succeed State',
    definition: { StartAt: 'P', States: { P: { Type: 'Pass', Next: 'S' }, S: { Type: 'Succeed', OutputPath: '$.a' } } },
    input: { a: [1] },
    expected: { output: [1] },
  },
  {
    feature: 'Fail tells its Error and Cause',
    source: 'ASL, Fail State',
    definition: fail('ErrorA', 'Kaiju attack'),
    expected: { error: 'ErrorA', cause: 'Kaiju attack' },
  },
  {
    feature: 'ErrorPath is a Reference Path, CausePath an intrinsic function',
    source: 'ASL, Fail State',
    definition: {
      StartAt: 'F',
      States: {
        F: { Type: 'Fail', ErrorPath: '$.error', CausePath: "States.Format('This is a custom cause: {}', $.why)" },
      },
    },
    input: { error: 'Custom', why: 'x' },
    expected: { error: 'Custom', cause: 'This is a custom cause: x' },
  },
  {
    feature: 'Wait of a second, by SecondsPath and until a Timestamp that is past',
    source: 'ASL, Wait State',
    definition: {
      StartAt: 'A',
      States: {
        A: { Type: 'Wait', Seconds: 1, Next: 'B' },
        B: { Type: 'Wait', SecondsPath: '$.s', Next: 'C' },
        C: { Type: 'Wait', Timestamp: '2016-03-14T01:59:00Z', Next: 'D' },
        D: { Type: 'Wait', TimestampPath: '$.t', OutputPath: '$.s', End: true },
      },
    },
    input: { s: 0, t: '2016-08-18T17:33:00Z' },
    expected: { output: 0 },
  },
  {
    feature: 'Parallel gives its branches the same input, and an array of their outputs',
    source: 'ASL, Parallel State',
    definition: alone({
      Type: 'Parallel',
      Parameters: { 'n.$': '$.v' },
      Branches: [
        within({ Type: 'Pass', Parameters: { 'a.$': '$.n' } }),
        within(),
        within({ Type: 'Pass', Result: 'c' }),
      ],
    }),
    input: { v: 1 },
    expected: { output: [{ a: 1 }, { n: 1 }, 'c'] },
  },
  {
    feature: 'a branch that fails fails the Parallel with its error, and ends the others',
    source: 'ASL, Parallel State',
    definition: alone({
      Type: 'Parallel',
      Branches: [fail('ErrorB'), within({ Type: 'Wait', Seconds: 3 })],
    }),
    expected: { error: 'ErrorB', cause: 'broken' },
  },
  {
    feature: 'Catch puts Error and Cause at its ResultPath, beside the input',
    source: 'ASL, Fallback States',
    definition: caught(fail('ErrorA'), ['ErrorA']),
    input: { a: 1 },
    expected: { output: { a: 1, error: { Error: 'ErrorA', Cause: 'broken' } } },
  },
  {
    feature: 'Catch without a ResultPath: the error takes the place of the input',
    source: 'ASL, Fallback States',
    definition: caught(fail('ErrorA'), [], { Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }] }),
    input: { a: 1 },
    expected: { output: { Error: 'ErrorA', Cause: 'broken' } },
  },
  {
    feature: 'a Catch of another error does not catch',
    source: 'ASL, Errors',
    definition: caught(fail('ErrorA'), ['ErrorB']),
    expected: { error: 'ErrorA', cause: 'broken' },
  },
  {
    feature: 'States.ALL does not catch States.Runtime',
    source: 'DG, Handling errors, States.Runtime',
    definition: caught(within({ Type: 'Pass', InputPath: '$.missing' }), ['States.ALL']),
    expected: { error: 'States.Runtime' },
  },
  {
    feature: 'States.BranchFailed catches any error of a Parallel',
    source: 'ASL, Appendix A',
    definition: caught(fail('ErrorA'), ['States.BranchFailed']),
    input: {},
    expected: { output: { error: { Error: 'ErrorA', Cause: 'broken' } } },
    motoDiffers: "it compares the branch's own error alone",
  },
  {
    feature: 'Retry tries again, with RetryCount, until MaxAttempts, then Catch takes the error',
    source: 'ASL, Retrying after error; DG, The Context object',
    definition: {
      StartAt: 'Together',
      States: {
        Together: {
          Type: 'Parallel',
          Parameters: { 'retries.$': '$$.State.RetryCount' },
          Branches: [
            {
              StartAt: 'Look',
              States: {
                Look: {
                  Type: 'Choice',
                  Choices: [{ Variable: '$.retries', NumericEquals: 2, Next: 'Good' }],
                  Default: 'Bad',
                },
                Good: { Type: 'Succeed' },
                Bad: { Type: 'Fail', Error: 'Again', Cause: 'once more' },
              },
            },
          ],
          Retry: [{ ErrorEquals: ['Again'], IntervalSeconds: 1, BackoffRate: 1, MaxAttempts: 2 }],
          End: true,
        },
      },
    },
    expected: { output: [{ retries: 2 }] },
    motoDiffers: 'its RetryCount stays 0',
  },
  {
    feature: 'MaxAttempts 0 retries never, though a later Retrier would',
    source: 'ASL, Retrying after error',
    definition: caught(fail('ErrorA'), ['States.ALL'], {
      Retry: [
        { ErrorEquals: ['ErrorA'], MaxAttempts: 0 },
        { ErrorEquals: ['States.ALL'], IntervalSeconds: 99_999 },
      ],
    }),
    input: {},
    expected: { output: { error: { Error: 'ErrorA', Cause: 'broken' } } },
  },
  {
    feature: 'Map runs its items in their order, with ItemsPath and ItemSelector',
    source: 'ASL, Map State',
    definition: alone({
      Type: 'Map',
      InputPath: '$.detail',
      ItemsPath: '$.shipped',
      MaxConcurrency: 1,
      ItemSelector: {
        'parcel.$': '$$.Map.Item.Value',
        'index.$': '$$.Map.Item.Index',
        'courier.$': '$.delivery-partner',
      },
      ItemProcessor: within(),
      ResultPath: '$.detail.shipped',
    }),
    input: { detail: { 'delivery-partner': 'UQS', shipped: [{ prod: 'R31' }, { prod: 'S39' }] } },
    expected: {
      output: {
        detail: {
          'delivery-partner': 'UQS',
          shipped: [
            { parcel: { prod: 'R31' }, index: 0, courier: 'UQS' },
            { parcel: { prod: 'S39' }, index: 1, courier: 'UQS' },
          ],
        },
      },
    },
  },
  {
    feature: 'Map by its older fields, Iterator and Parameters',
    source: 'DG, Map state in Inline mode, deprecated fields',
    definition: alone({
      Type: 'Map',
      Parameters: { 'n.$': '$$.Map.Item.Value' },
      Iterator: within({ Type: 'Pass', OutputPath: '$.n' }),
    }),
    input: [3, 4],
    expected: { output: [3, 4] },
  },
  {
    feature: 'a Map within a Map has its own item',
    source: 'ASL, Map State',
    definition: alone({
      Type: 'Map',
      ItemProcessor: within({
        Type: 'Map',
        ItemProcessor: within({ Type: 'Pass', Parameters: { 'i.$': '$$.Map.Item.Index' } }),
      }),
    }),
    input: [[7], [8, 9]],
    expected: { output: [[{ i: 0 }], [{ i: 0 }, { i: 1 }]] },
  },
  {
    feature: 'Map of nothing',
    source: 'ASL, Map State',
    definition: alone({ Type: 'Map', ItemProcessor: within() }),
    input: [],
    expected: { output: [] },
  },
  {
    feature: 'an iteration that fails fails the Map',
    source: 'ASL, Map State',
    definition: alone({ Type: 'Map', ItemProcessor: fail('ErrorC') }),
    input: [1, 2],
    expected: { error: 'ErrorC', cause: 'broken' },
  },
  {
    feature: 'Map of what is no array',
    source: 'DG, Handling errors, States.Runtime',
    definition: alone({ Type: 'Map', ItemProcessor: within() }),
    input: { a: 1 },
    expected: { error: 'States.Runtime' },
    motoDiffers: 'it says States.QueryEvaluationError',
  },
  {
    feature: 'a distributed Map gives the outputs of its child executions',
    source: 'DG, Map state in Distributed mode',
    definition: alone({
      Type: 'Map',
      Label: 'Numbers',
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        ...within({ Type: 'Pass', Parameters: { 'n.$': '$' } }),
      },
    }),
    input: [1, 2],
    expected: { output: [{ n: 1 }, { n: 2 }] },
  },
  {
    feature: 'a distributed Map fails with the first failure that is not tolerated',
    source: 'DG, Tolerated failure threshold',
    definition: alone({
      Type: 'Map',
      ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, ...fail('ErrorD') },
    }),
    input: [1],
    expected: {
      error: 'States.ExceedToleratedFailureThreshold',
      cause: 'The specified tolerated failure threshold was exceeded',
    },
    motoDiffers: 'it tolerates every failure',
  },
];

/** Every machine, for the second reader. */
export const MACHINES: readonly SmallMachine[] = [...PATHS, ...INTRINSICS, ...CHOICES, ...STATES];
