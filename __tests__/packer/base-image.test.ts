import { DescribeImagesCommand, type Image, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { awsError } from '../../local/service';
import { checkProfile, findBaseImage } from '../../packer/base-image';
import { readVariables, Settings } from '../../packer/variables';

const settingsOf = async (...assignments: string[]) =>
  Settings.parse(await readVariables({ files: [], assignments, fallbacks: {}, environment: {} }));

/** EC2 with these images and profiles. */
function ec2({ images = [], profiles = [], refuses }: { images?: Image[]; profiles?: string[]; refuses?: Error }) {
  const asked: unknown[] = [];
  return {
    asked,
    send: async (command: unknown) => {
      if (command instanceof DescribeImagesCommand) {
        const [name = ''] = command.input.Filters?.[0]?.Values ?? [];
        const pattern = new RegExp(`^${name.replaceAll('.', '[.]').replaceAll('*', '.*')}$`);
        return { Images: images.filter(({ Name = '' }) => pattern.test(Name)) };
      }
      if (!(command instanceof RunInstancesCommand)) throw new Error('Nothing else is asked.');
      asked.push(command.input);
      if (refuses) throw refuses;
      const { Name = '' } = command.input.IamInstanceProfile ?? {};
      if (profiles.includes(Name)) throw awsError('DryRunOperation', 'Request would have succeeded.', 412);
      throw awsError(
        'InvalidParameterValue',
        `Value (${Name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`,
      );
    },
  } as never as Parameters<typeof checkProfile>[0] & { readonly asked: unknown[] };
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
  it.each([
    [[], 'ami-new'],
    [['kernel=6.12'], 'ami-next'],
    [['architecture=x86_64'], 'ami-x86'],
  ])('with %j is the newest standard one: %s', async (assignments, imageId) => {
    const found = await findBaseImage(ec2({ images: IMAGES }), await settingsOf(...assignments));

    expect(found).toEqual({ imageId, faults: [] });
  });

  it('that no filter finds says which kernels there are', async () => {
    const found = await findBaseImage(ec2({ images: IMAGES.slice(2) }), await settingsOf('region=us-east-1'));

    expect(found).toEqual({
      faults: [
        {
          name: 'kernel',
          value: '6.1',
          message:
            'Amazon has no Amazon Linux 2023 with this kernel for arm64 in us-east-1: write kernel = "6.12", or the ID of an image as base_ami.',
        },
      ],
    });
  });

  it('of a region without any says what else to write', async () => {
    const { faults } = await findBaseImage(ec2({}), await settingsOf('region=us-east-1'));

    expect(faults[0]?.message).toMatch(/ in us-east-1: write the ID of an image as base_ami\.$/);
  });
});

describe("The build instance's profile", () => {
  const settings = () => settingsOf('session_manager=true', 'iam_instance_profile=nextgen_ec2_profile');

  it('is asked for without a launch', async () => {
    const aws = ec2({ profiles: ['nextgen_ec2_profile'] });

    expect(await checkProfile(aws, 'ami-new', await settings())).toEqual([]);
    expect(aws.asked).toEqual([
      {
        DryRun: true,
        ImageId: 'ami-new',
        InstanceType: 't4g.large',
        IamInstanceProfile: { Name: 'nextgen_ec2_profile' },
        MinCount: 1,
        MaxCount: 1,
      },
    ]);
  });

  it('that IAM does not have is refused by a sentence', async () => {
    expect(await checkProfile(ec2({}), 'ami-new', await settings())).toEqual([
      {
        name: 'iam_instance_profile',
        value: 'nextgen_ec2_profile',
        message: expect.stringMatching(/^IAM has no such instance profile: deploy the state machine first/),
      },
    ]);
  });

  it.each([
    awsError('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403),
    awsError('InvalidParameterValue', 'Value (t9.large) for parameter instanceType is invalid.'),
    awsError('RequestLimitExceeded', 'Request limit exceeded.', 503),
  ])('is left to Packer where EC2 answers %s', async (refuses) => {
    expect(await checkProfile(ec2({ refuses }), 'ami-new', await settings())).toEqual([]);
  });

  it("is nobody's business without Session Manager", async () => {
    const aws = ec2({});

    expect(await checkProfile(aws, 'ami-new', await settingsOf('iam_instance_profile=own'))).toEqual([]);
    expect(aws.asked).toEqual([]);
  });
});
