import { Fn, TerraformOutput, TerraformStack, TerraformVariable, Testing } from 'cdktf';
import { derivedName } from '../../../constructs/aws/names';
import { orElse, orNull, whenSet } from '../../../constructs/aws/optional';
import { logRetention, RULES, text } from '../../../constructs/aws/rules';

const stack = new TerraformStack(Testing.app(), 'stack');
const variable = new TerraformVariable(stack, 'name', { type: 'string' }).stringValue;
let outputs = 0;

/** What cdktf writes for a value. */
function resolved(value: unknown): unknown {
  const { friendlyUniqueId } = new TerraformOutput(stack, `output-${outputs++}`, { value });
  return JSON.parse(Testing.synth(stack)).output[friendlyUniqueId].value;
}

describe('a value that is known', () => {
  test.each([
    ['value', 'set', 'value', 'value'],
    ['', 'unset', 'fallback', undefined],
    [undefined, 'unset', 'fallback', undefined],
  ])('%j is decided at once', (value, state, orFallback, orNothing) => {
    expect(whenSet(value, 'set', 'unset')).toBe(state);
    expect(orElse(value, 'fallback')).toBe(orFallback);
    expect(orNull(value)).toBe(orNothing);
  });

  test('makes a name of at most 64 characters, or another limit', () => {
    expect(derivedName('machine', '_role')).toBe('machine_role');
    expect(derivedName('m'.repeat(80), '_role')).toBe(`${'m'.repeat(59)}_role`);
    expect(derivedName('machine', '_role', 8)).toBe('mac_role');
  });
});

describe("a Terraform variable's value", () => {
  test('is decided by Terraform', () => {
    expect(resolved(whenSet(variable, 'set', 'unset'))).toBe('${(length(var.name) >= 1) ? "set" : "unset"}');
    expect(resolved(orElse(variable, 'fallback'))).toBe('${(length(var.name) >= 1) ? var.name : "fallback"}');
    expect(resolved(orNull(variable))).toBe('${(length(var.name) >= 1) ? var.name : null}');
  });

  test('makes a name of at most 64 characters', () => {
    expect(resolved(derivedName(variable, '_role'))).toBe('${substr(var.name, 0, 59)}_role');
  });

  test('passes the rules, which its own validation knows', () => {
    expect(() => text(RULES.vpc)('vpcId', Fn.upper(variable))).not.toThrow();
    expect(() => logRetention('logRetentionDays', Fn.lengthOf(variable))).not.toThrow();
  });
});

describe('the rule for', () => {
  test.each<[keyof typeof RULES, string[], string[]]>([
    [
      'region',
      ['us-east-1', 'us-gov-west-1', 'ap-southeast-7', 'eusc-de-east-1', 'us-isob-east-1'],
      ['us-east', 'us-east-1a', 'US-EAST-1', 'useast1', 'us-east-1 '],
    ],
    ['stateMachine', ['a', 'a_B-9', 'a'.repeat(80)], ['a'.repeat(81), 'a.b', 'a b', 'ä']],
    ['lambda', ['ec2start_ami_demo', 'a'.repeat(64)], ['a'.repeat(65), 'a.b', 'a:b']],
    ['role', ['a+b=c,d.e@f-g_h', 'a'.repeat(64)], ['a'.repeat(65), 'a/b', 'a:b']],
    ['policy', ['a'.repeat(128)], ['a'.repeat(129), 'a*']],
    ['profile', ['a'.repeat(128)], ['a'.repeat(129), 'a b']],
    ['prefix', ['default'], ['default.', 'a'.repeat(65)]],
    [
      'bucket',
      ['abc', 'my.bucket-1', 'a'.repeat(63)],
      ['ab', 'My-Bucket', 'a'.repeat(64), '-ab', 'bucket/prefix', 's3://bucket'],
    ],
    [
      'amiParameter',
      ['/ami', '/a/b_C.d-9', '/l'.repeat(15)],
      ['ami', '/a b', '/a/', '//a', '/a:1', '/l'.repeat(16), '/*', 'resolve:ssm:/a', 'arn:aws:ssm:r:1:parameter/a'],
    ],
    ['vpc', ['vpc-0123abcd', 'vpc-0123456789abcdef0'], ['vpc-xyz', 'default', 'subnet-0123abcd']],
    ['subnet', ['subnet-0123abcd'], ['vpc-0123abcd', 'subnet-0123abcd,subnet-0123abce']],
    [
      'permissionsBoundary',
      ['arn:aws:iam::123456789012:policy/path/b', 'arn:aws-us-gov:iam::aws:policy/PowerUserAccess'],
      ['boundary', 'arn:aws:iam::123456789012:role/r', 'arn:aws:iam::12345:policy/b'],
    ],
  ])('%s', (name, good, bad) => {
    for (const value of good) expect(() => text(RULES[name])('value', value)).not.toThrow();
    for (const value of bad) {
      expect(() => text(RULES[name])('value', value)).toThrow(`value is "${value}": write ${RULES[name].write}.`);
    }
  });
});
