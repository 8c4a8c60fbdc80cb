import { _InstanceType } from '@aws-sdk/client-ec2';
import { vcpusOf } from '../../executions/vcpus';

describe('the vCPUs of an instance type', () => {
  test.each([
    ['t4g.nano', 2],
    ['t3.medium', 2],
    ['t2.micro', 1],
    ['m8g.medium', 1],
    ['m8g.large', 2],
    ['m8g.xlarge', 4],
    ['m8g.2xlarge', 8],
    ['m8g.48xlarge', 192],
    ['m8g.metal-24xl', 96],
    ['c5.metal', 96],
    ['m6g.metal', 64],
    ['c4.8xlarge', 36],
    ['hpc7a.12xlarge', 24],
    ['i3.metal', 72],
    ['u7i-12tb.224xlarge', 896],
    ['m12g.16xlarge', 64],
  ])('%s has %i', (type, vcpus) => {
    expect(vcpusOf(type)).toBe(vcpus);
  });

  test.each(['mac2.metal', 'm8g', 'm8g.gigantic', '', 'constructor', 'm8g.0x'])('%p has none that is known', (type) => {
    expect(vcpusOf(type)).toBeUndefined();
  });

  test('are known of every type of EC2’s model but Macs', () => {
    const unknown = Object.values(_InstanceType).filter((type) => vcpusOf(type) === undefined);

    expect(unknown.filter((type) => !type.startsWith('mac'))).toEqual([]);
  });
});
