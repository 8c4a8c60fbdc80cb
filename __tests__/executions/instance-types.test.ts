import { _InstanceType } from '@aws-sdk/client-ec2';
import { checkInstanceType } from '../../executions/instance-types';

describe('an instance type', () => {
  test('is known when EC2’s own model has it', () => {
    const unknown = Object.values(_InstanceType).filter((type) => checkInstanceType(type).kind !== 'known');

    expect(unknown).toEqual([]);
  });

  test.each([
    ['t2g.xlarge', 't4g.xlarge'],
    ['t4g.16xlarge', 't4g.2xlarge'],
    ['t4g.xlarg', 't4g.xlarge'],
    ['m5.3xlarge', 'm5.4xlarge'],
    ['m5z.large', 'm5.large'],
    ['mg7.large', 'm7g.large'],
    ['c7gn.metal-48xl', 'c7gn.metal'],
  ])('%s is not in the table, and may be newer than it: the nearest is %s', (type, nearest) => {
    expect(checkInstanceType(type)).toEqual({ kind: 'unknown', nearest });
  });

  test.each(['p5.12xlarge', 'c7gb.large'])('%s, which a later table may have, is not said to be impossible', (type) => {
    expect(['unknown', 'newer', 'known']).toContain(checkInstanceType(type).kind);
  });

  test.each([
    ['T4G.XLARGE', 't4g.xlarge'],
    ['t4g', 't4g.nano'],
    [' t4g.large', 't4g.large'],
  ])('%p has no form of an instance type: the nearest is %s', (type, nearest) => {
    expect(checkInstanceType(type)).toEqual({ kind: 'malformed', nearest });
  });

  test.each([
    ['m12g.large', 'arm64'],
    ['c10i.2xlarge', 'x86_64'],
    ['m9a.large', 'x86_64'],
    ['t8g.micro', 'arm64'],
    ['t8i.large', 'x86_64'],
  ])('%s may be newer than the table, and is %s', (type, architecture) => {
    expect(checkInstanceType(type)).toEqual({ kind: 'newer', architecture });
  });

  test.each(['m12g.gigantic', 'zz9.large', 'm99999999999999999999g.large'])('%p is not newer but unknown', (type) => {
    expect(checkInstanceType(type).kind).toBe('unknown');
  });

  test.each(['m12g', '', '.', 'x'.repeat(100_000)])('%p is malformed', (type) => {
    expect(checkInstanceType(type).kind).toBe('malformed');
  });

  test.each([
    ['a1.large', 'arm64'],
    ['g5g.xlarge', 'arm64'],
    ['is4gen.large', 'arm64'],
    ['im4gn.large', 'arm64'],
    ['hpc7g.4xlarge', 'arm64'],
    ['p6e-gb200.36xlarge', 'arm64'],
    ['g5.xlarge', 'x86_64'],
    ['c7i-flex.large', 'x86_64'],
    ['u7i-12tb.224xlarge', 'x86_64'],
    ['m8a.large', 'x86_64'],
    ['mac1.metal', 'x86_64_mac'],
    ['mac2.metal', 'arm64_mac'],
  ])('%s is %s', (type, architecture) => {
    expect(checkInstanceType(type)).toEqual({ kind: 'known', architecture });
  });
});
