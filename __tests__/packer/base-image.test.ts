import type { DescribeImagesCommand, Image } from '@aws-sdk/client-ec2';
import { checkBaseImage } from '../../packer/base-image';
import { readVariables, settingsOf } from '../../packer/variables';

const settings = async (...assignments: string[]) =>
  settingsOf(await readVariables({ files: [], assignments, fallbacks: {}, environment: {} }));

/** EC2 with these images. */
function ec2(images: Image[]) {
  return {
    send: async ({ input }: DescribeImagesCommand) => {
      const [name = ''] = input.Filters?.[0]?.Values ?? [];
      const pattern = new RegExp(`^${name.replaceAll('.', '[.]').replaceAll('*', '.*')}$`);
      return { Images: images.filter(({ Name = '' }) => pattern.test(Name)) };
    },
  } as never as Parameters<typeof checkBaseImage>[0];
}

const image = (ImageId: string, Name: string, CreationDate: string): Image => ({ ImageId, Name, CreationDate });
const IMAGES = [
  image('ami-old', 'al2023-ami-2023.8.20250101.0-kernel-6.1-arm64', '2025-01-01T00:00:00.000Z'),
  image('ami-new', 'al2023-ami-2023.9.20251117.1-kernel-6.1-arm64', '2025-11-17T00:00:00.000Z'),
  image('ami-next', 'al2023-ami-2023.9.20251118.0-kernel-6.12-arm64', '2025-11-18T00:00:00.000Z'),
  image('ami-x86', 'al2023-ami-2023.9.20251119.0-kernel-6.1-x86_64', '2025-11-19T00:00:00.000Z'),
  image('ami-minimal', 'al2023-ami-minimal-2023.9.20260101.0-kernel-6.1-arm64', '2026-01-01T00:00:00.000Z'),
];

describe('The base image', () => {
  it.each([[[]], [['kernel=6.12']], [['architecture=x86_64']]])('with %j is there', async (assignments) => {
    expect(await checkBaseImage(ec2(IMAGES), await settings(...assignments))).toEqual([]);
  });

  it.each([[['kernel=6.12', 'architecture=x86_64']], [['kernel=6.13']]])(
    'with %j is missed where only others are there',
    async (assignments) => {
      expect(await checkBaseImage(ec2(IMAGES), await settings(...assignments))).toMatchObject([{ name: 'kernel' }]);
    },
  );

  it('is not the minimal one', async () => {
    const minimal = IMAGES.filter(({ Name }) => Name?.includes('minimal'));

    expect(await checkBaseImage(ec2(minimal), await settings())).toMatchObject([{ name: 'kernel' }]);
  });

  it('that no filter finds says which kernels there are', async () => {
    expect(await checkBaseImage(ec2(IMAGES.slice(2)), await settings('region=us-east-1'))).toEqual([
      {
        name: 'kernel',
        value: '6.1',
        message:
          'Amazon has no Amazon Linux 2023 with this kernel for arm64 in us-east-1: write kernel = "6.12", or the ID of an image as base_ami.',
      },
    ]);
  });

  it('of a region without any says what else to write', async () => {
    const [fault] = await checkBaseImage(ec2([]), await settings('region=us-east-1'));

    expect(fault?.message).toMatch(/ in us-east-1: write the ID of an image as base_ami\.$/);
  });
});
