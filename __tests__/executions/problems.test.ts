import type { ParseOptions } from '../../executions/model';
import { parseExecution } from '../../executions/parse';
import {
  november2024File,
  optionsFile,
  problemsOf,
  seedFile,
  withCommands,
  withParameters,
  withRunOptions,
} from '../support/executions';

type Case = [what: string, file: unknown, path: string, message: RegExp, options?: ParseOptions];

const LONG_SCRIPT = 'x'.repeat(66_000);
const tags = (count: number) => Array.from({ length: count }, (_, index) => ({ Key: `k${index}`, Value: '' }));
const tagged = (...Tags: unknown[]) => withParameters({ TagSpecifications: [{ ResourceType: 'instance', Tags }] });
const volume = (mapping: unknown) => withParameters({ BlockDeviceMappings: [mapping] });
const spot = (SpotOptions: unknown) => withParameters({ InstanceMarketOptions: { MarketType: 'spot', SpotOptions } });
const checking = (ii_check_s3: unknown, commands: unknown[] = ['ls']) =>
  withRunOptions({ ii_terminate_instance: true, ii_check_s3 }, { commands });
const options = (changes: Record<string, unknown>) => optionsFile({}, changes);

const P = '$.instance_parameters';
const R = '$.run_options';
const D = '$.datastream_command_options';

const ERRORS: Case[] = [
  // The file
  ['a list in place of the file', [], '$', /one JSON object/],
  ['a file that is too large', november2024File({ note: 'x'.repeat(222_144) }), '$', /at most 222144/],
  [
    'a file that leaves no room in the state',
    november2024File({ note: 'é'.repeat(111_000) }),
    '$',
    /what the state machine adds/,
  ],
  ['no instance_parameters', november2024File({ instance_parameters: undefined }), P, /missing/],
  [
    'instance_parameters of another type',
    november2024File({ instance_parameters: [] }),
    P,
    /an object in \{ \} in place of a list/,
  ],

  // Unknown keys
  ['a typo at the top', november2024File({ comands: ['ls'] }), '$.comands', /unknown: write "commands"/],
  [
    'another spelling at the top',
    november2024File({ instanceParameters: {} }),
    '$.instanceParameters',
    /"instance_parameters"/,
  ],
  ['an option beside run_options', november2024File({ timeout_s: 60 }), '$.timeout_s', /belongs in run_options/],
  ['a typo in run_options', withRunOptions({ timeout: 60 }), `${R}.timeout`, /"timeout_s"/],
  ['a typo in the options', options({ hydrofabric_versoin: '2' }), `${D}.hydrofabric_versoin`, /"hydrofabric_version"/],
  [
    'a typo in instance_parameters',
    withParameters({ SecurityGroupId: [] }),
    `${P}.SecurityGroupId`,
    /RunInstances.*"SecurityGroupIds"/,
  ],
  [
    'a strange key in instance_parameters',
    withParameters({ Comment: 'x' }),
    `${P}.Comment`,
    /RunInstances.*leave it out/,
  ],
  [
    'a strange key within a volume',
    volume({ DeviceName: '/dev/xvda', Ebs: { Size: 3 } }),
    `${P}.BlockDeviceMappings[0].Ebs.Size`,
    /leave it out/,
  ],
  [
    'a typo within a volume',
    volume({ DeviceName: '/dev/xvda', Ebs: { VolumSize: 3 } }),
    `${P}.BlockDeviceMappings[0].Ebs.VolumSize`,
    /"VolumeSize"/,
  ],
  [
    'a key of another name in the object to check',
    checking({ bucket: 'a-bucket', key: 'k' }),
    `${R}.ii_check_s3.key`,
    /bucket, prefix/,
  ],
  ['a key that is no word', withParameters({ 'Image Ids': 'x' }), `${P}["Image Ids"]`, /"ImageId"/],

  // Wrong types
  ['a command as a text', november2024File({ commands: 'ls' }), '$.commands', /a list in \[ \] in place of a string/],
  ['a command as a number', withCommands('ls', 3), '$.commands[1]', /a string in quotes in place of a number/],
  ['a null', withParameters({ KeyName: null }), `${P}.KeyName`, /null is no value/],
  [
    'a boolean in quotes',
    withRunOptions({ ii_terminate_instance: 'true' }),
    `${R}.ii_terminate_instance`,
    /true or false, without quotes/,
  ],
  ['a check in quotes', withRunOptions({ ii_check_s3: 'True' }), `${R}.ii_check_s3`, /true, false, or the object/],
  [
    'a number in quotes where EC2 takes none',
    volume({ DeviceName: '/dev/xvda', Ebs: { VolumeSize: '64' } }),
    `${P}.BlockDeviceMappings[0].Ebs.VolumeSize`,
    /number without quotes/,
  ],
  [
    'a fraction where EC2 takes none',
    volume({ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 1.5 } }),
    `${P}.BlockDeviceMappings[0].Ebs.VolumeSize`,
    /whole number/,
  ],
  [
    'a text outside its list',
    volume({ DeviceName: '/dev/xvda', Ebs: { VolumeType: 'gp33' } }),
    `${P}.BlockDeviceMappings[0].Ebs.VolumeType`,
    /one of.*"gp3".*Did you mean "gp/,
  ],

  // Commands
  [
    'no commands at all',
    november2024File({ commands: undefined }),
    '$.commands',
    /missing.*datastream_command_options/,
  ],
  ['an empty list of commands', november2024File({ commands: [] }), '$.commands', /at least one/],
  ['more commands than SSM takes', withCommands(LONG_SCRIPT), '$.commands', /66016 bytes.*56000/],
  [
    'options that make more than SSM takes',
    optionsFile({}, { realization: `./${LONG_SCRIPT}.json` }),
    '$.datastream_command_options',
    /66\d{3} bytes.*56000/,
  ],
  // The instance
  ['no AMI', withParameters({ ImageId: undefined }), `${P}.ImageId`, /missing.*ami-/],
  ['an empty AMI', withParameters({ ImageId: '' }), `${P}.ImageId`, /empty.*ami-/],
  ['a placeholder AMI', withParameters({ ImageId: 'ami-###' }), `${P}.ImageId`, /placeholder.*17 hexadecimal/],
  ['an AMI of another form', withParameters({ ImageId: 'ami-XYZ' }), `${P}.ImageId`, /no AMI's ID/],
  ...[
    'resolve:ssm:',
    'resolve:ssm:/',
    'resolve:ssm:/ami/',
    'resolve:ssm://ami',
    'resolve:ssm:datastream/ami',
    'resolve:ssm:/my ami',
    'resolve:ssm:/ami:',
    'resolve:ssm:/ami:0',
    'resolve:ssm:/ami:1b',
    'resolve:ssm:/ami:1:2',
    'resolve:ssm:/ami:awsLabel',
    `resolve:ssm:/ami:${'l'.repeat(101)}`,
    'resolve:ssm:awsImage',
    'resolve:ssm:/aws/ami',
    'resolve:ssm:SSM-image',
    `resolve:ssm:${'/l'.repeat(16)}`,
    `resolve:ssm:/${'n'.repeat(1011)}`,
    'resolve:ssm:arn:aws:ssm:us-east-1:123456789012:parameter',
    'resolve:ssm:arn:aws:ssm:us-east-1:123456789012:document/ami',
    'resolve:ssm:arn:aws:ssm:us-east-1:1234:parameter/ami',
  ].map(
    (ImageId): Case => [
      `as AMI ${ImageId.slice(0, 60)}`,
      withParameters({ ImageId }),
      `${P}.ImageId`,
      /^This is no SSM parameter that EC2 can resolve: write "resolve:ssm:"/,
    ],
  ),
  ...['<name>', '/your-ami', 'your_ami', '/datastream/your-ami', 'CHANGE_ME', '/AMI_PLACEHOLDER'].map(
    (name): Case => [
      `as AMI the placeholder ${name}`,
      withParameters({ ImageId: `resolve:ssm:${name}` }),
      `${P}.ImageId`,
      /can resolve but a placeholder: write "resolve:ssm:"/,
    ],
  ),
  ...['{{resolve:ssm:/ami}}', 'Resolve:SSM:/ami', 'ssm:/ami', '/ami'].map(
    (ImageId): Case => [`as AMI ${ImageId}`, withParameters({ ImageId }), `${P}.ImageId`, /or "resolve:ssm:\/name"/],
  ),
  ['no instance type', withParameters({ InstanceType: undefined }), `${P}.InstanceType`, /missing/],
  ['an empty instance type', withParameters({ InstanceType: '' }), `${P}.InstanceType`, /empty/],
  ['a placeholder instance type', withParameters({ InstanceType: '<your-type>' }), `${P}.InstanceType`, /placeholder/],
  [
    'a type of another architecture',
    withParameters({ InstanceType: 't3.large' }),
    `${P}.InstanceType`,
    /x86_64, the AMI is arm64/,
    { imageArchitecture: 'arm64' },
  ],
  [
    'an arm64 type for an x86_64 AMI',
    withParameters({ InstanceType: 't4g.large' }),
    `${P}.InstanceType`,
    /arm64, the AMI is x86_64/,
    { imageArchitecture: 'x86_64' },
  ],
  [
    'an empty key pair',
    withParameters({ KeyName: '', SecurityGroupIds: ['sg-01234567'] }),
    `${P}.KeyName`,
    /empty.*leave KeyName out/,
  ],
  [
    'the template’s key file',
    withParameters({ KeyName: 'your_key.pem', SecurityGroupIds: ['sg-01234567'] }),
    `${P}.KeyName`,
    /placeholder.*leave KeyName out/,
  ],
  [
    'a placeholder key pair',
    withParameters({ KeyName: 'your_key', SecurityGroupIds: ['sg-01234567'] }),
    `${P}.KeyName`,
    /placeholder/,
  ],
  [
    'a key pair of Terraform’s',
    withParameters({ KeyName: '${key_name}', SecurityGroupIds: ['sg-01234567'] }),
    `${P}.KeyName`,
    /placeholder/,
  ],
  ['an AMI of Terraform’s', withParameters({ ImageId: '${ami_id_vpu}' }), `${P}.ImageId`, /but a placeholder/],
  [
    'a profile of Terraform’s',
    withParameters({ IamInstanceProfile: { Name: '${p}' } }),
    `${P}.IamInstanceProfile.Name`,
    /placeholder/,
  ],
  [
    'white space in an instance type',
    withParameters({ InstanceType: 't4g.large ' }),
    `${P}.InstanceType`,
    /White space/,
  ],
  [
    'an instance type without a size',
    withParameters({ InstanceType: 't4g' }),
    `${P}.InstanceType`,
    /no instance type's name/,
  ],
  [
    'a region as availability zone',
    withParameters({ Placement: { AvailabilityZone: 'us-east-1' } }),
    `${P}.Placement.AvailabilityZone`,
    /a region.*us-east-1a/,
  ],
  [
    'an interface that exists',
    withParameters({ NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: 'eni-01234567' }] }),
    `${P}.NetworkInterfaces[0].NetworkInterfaceId`,
    /cannot tag an interface that exists/,
  ],
  [
    'a license configuration',
    withParameters({ LicenseSpecifications: [{ LicenseConfigurationArn: 'arn:aws:license-manager:x' }] }),
    `${P}.LicenseSpecifications`,
    /no right to use license configurations/,
  ],
  [
    'a host resource group',
    withParameters({ Placement: { HostResourceGroupArn: 'arn:aws:resource-groups:x' } }),
    `${P}.Placement.HostResourceGroupArn`,
    /no right to use host resource groups/,
  ],
  [
    'a resource group of reservations',
    withParameters({
      CapacityReservationSpecification: {
        CapacityReservationTarget: { CapacityReservationResourceGroupArn: 'arn:aws:resource-groups:x' },
      },
    }),
    `${P}.CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationResourceGroupArn`,
    /no right/,
  ],
  [
    'an empty security group',
    withParameters({ SecurityGroupIds: [''] }),
    `${P}.SecurityGroupIds[0]`,
    /empty.*leave SecurityGroupIds out/,
  ],
  [
    'no security group in the list',
    withParameters({ SecurityGroupIds: [] }),
    `${P}.SecurityGroupIds`,
    /empty.*leave SecurityGroupIds out/,
  ],
  [
    'a placeholder security group',
    withParameters({ SecurityGroupIds: ['sg-0123456789abcdef0', 'sg-###'] }),
    `${P}.SecurityGroupIds[1]`,
    /placeholder/,
  ],
  [
    'a security group’s name',
    withParameters({ SecurityGroupIds: ['default'] }),
    `${P}.SecurityGroupIds[0]`,
    /no security group's ID/,
  ],
  ['a subnet of another form', withParameters({ SubnetId: 'subnet-1' }), `${P}.SubnetId`, /no subnet's ID/],
  ['an empty subnet', withParameters({ SubnetId: '' }), `${P}.SubnetId`, /empty/],
  [
    'groups beside interfaces',
    withParameters({ SecurityGroupIds: ['sg-0123456789abcdef0'], NetworkInterfaces: [{ DeviceIndex: 0 }] }),
    `${P}.SecurityGroupIds`,
    /beside NetworkInterfaces/,
  ],
  [
    'an empty profile',
    withParameters({ IamInstanceProfile: { Name: '' } }),
    `${P}.IamInstanceProfile.Name`,
    /empty.*leave IamInstanceProfile out/,
  ],
  [
    'the template’s profile',
    withParameters({ IamInstanceProfile: { Name: 'name-of-instance-profile' } }),
    `${P}.IamInstanceProfile.Name`,
    /placeholder/,
  ],
  [
    'a placeholder profile',
    withParameters({ IamInstanceProfile: { Name: 'INSTANCE_PROFILE_PLACEHOLDER' } }),
    `${P}.IamInstanceProfile.Name`,
    /placeholder/,
  ],
  [
    'a profile’s ARN as its name',
    withParameters({ IamInstanceProfile: { Name: 'arn:aws:iam::123456789012:instance-profile/x' } }),
    `${P}.IamInstanceProfile.Name`,
    /"Arn"/,
  ],
  [
    'a profile’s name that IAM refuses',
    withParameters({ IamInstanceProfile: { Name: 'a b' } }),
    `${P}.IamInstanceProfile.Name`,
    /can have this name/,
  ],
  [
    'a profile of name and ARN',
    withParameters({ IamInstanceProfile: { Name: 'x', Arn: 'arn:aws:iam::123456789012:instance-profile/x' } }),
    `${P}.IamInstanceProfile`,
    /not both/,
  ],
  [
    'a profile without a name',
    withParameters({ IamInstanceProfile: {} }),
    `${P}.IamInstanceProfile`,
    /no instance profile/,
  ],
  [
    'a profile’s ARN of another form',
    withParameters({ IamInstanceProfile: { Arn: 'arn:aws:iam::1:role/x' } }),
    `${P}.IamInstanceProfile.Arn`,
    /ARN/,
  ],
  ['two instances', withParameters({ MinCount: 2 }), `${P}.MinCount`, /one instance/],
  ['at most two instances', withParameters({ MaxCount: 2 }), `${P}.MaxCount`, /one instance/],
  [
    'a protected instance',
    withParameters({ DisableApiTermination: true }),
    `${P}.DisableApiTermination`,
    /could not end the instance/,
  ],
  [
    'an instance that cannot be stopped',
    withParameters({ DisableApiStop: true }),
    `${P}.DisableApiStop`,
    /could not end the instance/,
  ],
  ['a dry run', withParameters({ DryRun: true }), `${P}.DryRun`, /launches nothing/],
  [
    'a persistent spot request',
    spot({ SpotInstanceType: 'persistent' }),
    `${P}.InstanceMarketOptions.SpotOptions.SpotInstanceType`,
    /"one-time"/,
  ],
  [
    'a spot instance that hibernates',
    spot({ InstanceInterruptionBehavior: 'hibernate' }),
    `${P}.InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior`,
    /"terminate"/,
  ],
  [
    'a spot request with an end',
    spot({ SpotInstanceType: 'one-time', ValidUntil: '2026-01-01T00:00:00Z' }),
    `${P}.InstanceMarketOptions.SpotOptions.ValidUntil`,
    /persistent requests alone/,
  ],
  [
    'a spot block',
    spot({ BlockDurationMinutes: 60 }),
    `${P}.InstanceMarketOptions.SpotOptions.BlockDurationMinutes`,
    /retired/,
  ],
  ['too much user data', withParameters({ UserData: 'x'.repeat(14 * 1024 + 1) }), `${P}.UserData`, /14336/],
  [
    'user data in base64',
    withParameters({ UserData: Buffer.from('#!/bin/sh\necho hello').toString('base64') }),
    `${P}.UserData`,
    /base64/,
  ],
  [
    'a volume without a device',
    volume({ Ebs: { VolumeSize: 8 } }),
    `${P}.BlockDeviceMappings[0].DeviceName`,
    /missing/,
  ],
  ['a volume of an empty device', volume({ DeviceName: '' }), `${P}.BlockDeviceMappings[0].DeviceName`, /empty/],
  [
    'a volume of no size',
    volume({ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 0 } }),
    `${P}.BlockDeviceMappings[0].Ebs.VolumeSize`,
    /GiB/,
  ],
  [
    'a placeholder anywhere else',
    withParameters({ Placement: { AvailabilityZone: '<your-zone>' } }),
    `${P}.Placement.AvailabilityZone`,
    /placeholder/,
  ],

  // Tags
  ['more tags than there is room for', tagged(...tags(35)), `${P}.TagSpecifications[0].Tags`, /35 tags: at most 34/],
  ['a long tag key', tagged({ Key: 'k'.repeat(129), Value: '' }), `${P}.TagSpecifications[0].Tags[0].Key`, /128/],
  ['a long tag value', tagged({ Key: 'k', Value: 'v'.repeat(257) }), `${P}.TagSpecifications[0].Tags[0].Value`, /256/],
  ['an empty tag key', tagged({ Key: '', Value: '' }), `${P}.TagSpecifications[0].Tags[0].Key`, /cannot be empty/],
  ['a tag key of AWS', tagged({ Key: 'aws:x', Value: '' }), `${P}.TagSpecifications[0].Tags[0].Key`, /AWS's own/],
  [
    'a tag key of ours',
    tagged({ Key: 'datastream:execution', Value: '' }),
    `${P}.TagSpecifications[0].Tags[0].Key`,
    /state machine's own/,
  ],
  [
    'a tag key twice',
    tagged({ Key: 'a', Value: '1' }, { Key: 'a', Value: '2' }),
    `${P}.TagSpecifications[0].Tags[1].Key`,
    /twice/,
  ],
  ['a tag without a key', tagged({ Value: '' }), `${P}.TagSpecifications[0].Tags[0].Key`, /missing/],
  ['a tag without a value', tagged({ Key: 'a' }), `${P}.TagSpecifications[0].Tags[0].Value`, /missing/],
  [
    'tags of nothing',
    withParameters({ TagSpecifications: [{ Tags: [] }] }),
    `${P}.TagSpecifications[0].ResourceType`,
    /missing/,
  ],
  [
    'tags of what no launch makes',
    withParameters({ TagSpecifications: [{ ResourceType: 'bucket', Tags: [] }] }),
    `${P}.TagSpecifications[0].ResourceType`,
    /cannot tag/,
  ],
  [
    'no tags',
    withParameters({ TagSpecifications: [{ ResourceType: 'volume' }] }),
    `${P}.TagSpecifications[0].Tags`,
    /missing/,
  ],

  // Region
  [
    'another region',
    november2024File({ region: 'us-east-2' }),
    '$.region',
    /in us-east-1: write "us-east-1"/,
    { region: 'us-east-1' },
  ],
  ['an availability zone', november2024File({ region: 'us-east-1a' }), '$.region', /availability zone/],
  ['an empty region', november2024File({ region: '' }), '$.region', /no AWS region/],
  ['no region at all', november2024File({ region: 'Ohio' }), '$.region', /no AWS region/],

  // run_options
  ['too short a timeout', withRunOptions({ timeout_s: 29 }), `${R}.timeout_s`, /30 to 172800/],
  ['too long a timeout', withRunOptions({ timeout_s: 172_801 }), `${R}.timeout_s`, /48 hours/],
  ['a timeout of a fraction', withRunOptions({ timeout_s: 60.5 }), `${R}.timeout_s`, /whole number/],
  ['a timeout in words', withRunOptions({ timeout_s: 'one hour' }), `${R}.timeout_s`, /whole number, without quotes/],
  ['a timeout that is a list', withRunOptions({ timeout_s: [60] }), `${R}.timeout_s`, /whole number/],
  ['too many retries', withRunOptions({ n_retries_allowed: 11 }), `${R}.n_retries_allowed`, /0 to 10/],
  ['less than no retries', withRunOptions({ n_retries_allowed: -1 }), `${R}.n_retries_allowed`, /0 to 10/],
  [
    'two spellings that differ',
    withRunOptions({ ii_check_s3: false, check_s3: true }),
    `${R}.check_s3`,
    /older spelling of ii_check_s3/,
  ],
  [
    'a pause that is no number',
    withRunOptions({ retry_backoff_base_s: '30' }),
    `${R}.retry_backoff_base_s`,
    /number of at least 0/,
  ],
  ['a pause of less than nothing', withRunOptions({ retry_backoff_rate: -1 }), `${R}.retry_backoff_rate`, /at least 0/],
  ['further types as a text', withRunOptions({ ii_instance_types: 't4g.large' }), `${R}.ii_instance_types`, /a list/],
  [
    'a further type of no form',
    withRunOptions({ ii_instance_types: ['t4g'] }),
    `${R}.ii_instance_types[0]`,
    /no instance type's name/,
  ],
  [
    'a further type of another architecture',
    withRunOptions({ ii_instance_types: ['t4g.xlarge', 't3.large'] }),
    `${R}.ii_instance_types[1]`,
    /x86_64, but t4g.large is arm64/,
  ],
  [
    'a further type of another architecture than the AMI',
    withRunOptions({ ii_instance_types: ['t3.large'] }),
    `${R}.ii_instance_types[0]`,
    /x86_64, the AMI is arm64/,
    { imageArchitecture: 'arm64' },
  ],
  [
    'a profile as a string',
    withParameters({ IamInstanceProfile: 'my-profile' }),
    `${P}.IamInstanceProfile`,
    /^Write \{"Name": "my-profile"\} in place of a string\.$/,
  ],
  [
    'a profile’s ARN as a string',
    withParameters({ IamInstanceProfile: 'arn:aws:iam::123456789012:instance-profile/p' }),
    `${P}.IamInstanceProfile`,
    /^Write \{"Arn": "arn:aws:iam::/,
  ],
  [
    'credits without the word that EC2 needs',
    withParameters({ CreditSpecification: {} }),
    `${P}.CreditSpecification.CpuCredits`,
    /"CpuCredits" is missing: write "standard" or "unlimited"/,
  ],
  [
    'two volumes for one root',
    withParameters({
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 8 } },
        { DeviceName: '/dev/sda1', Ebs: { VolumeSize: 64 } },
      ],
    }),
    `${P}.BlockDeviceMappings[1].DeviceName`,
    /one root volume, and \/dev\/xvda is named for it too: leave one of them out/,
  ],
  [
    'two spellings of volumes',
    withRunOptions({ ii_delete_volume: true, ii_detach_volume: false }),
    `${R}.ii_detach_volume`,
    /ii_delete_volume/,
  ],
  [
    'spot instances that are to be stopped',
    withRunOptions({ ii_cheapo: true }),
    `${R}.ii_cheapo`,
    /cannot stop.*ii_terminate_instance/,
  ],

  [
    'a spot market for an instance that is to be stopped',
    withRunOptions(
      {},
      {
        instance_parameters: {
          ImageId: 'ami-0123456789abcdef0',
          InstanceType: 't4g.large',
          InstanceMarketOptions: { MarketType: 'spot' },
        },
      },
    ),
    `${P}.InstanceMarketOptions`,
    /cannot stop.*ii_terminate_instance/,
  ],

  // The object to check
  ['a check of nothing', checking(true), `${R}.ii_check_s3`, /Nothing says which object.*--S3_BUCKET/],
  [
    'a check that needs the shell',
    checking(true, ['x --S3_BUCKET a-bucket --S3_PREFIX p/$VPU']),
    `${R}.ii_check_s3`,
    /known only when they run/,
  ],
  [
    'a check of options without a bucket',
    options({ s3_bucket: undefined, object_prefix: undefined }),
    `${R}.ii_check_s3`,
    /s3_bucket and s3_prefix/,
  ],
  ['a check of a folder', checking({ bucket: 'a-bucket', prefix: 'results/' }), `${R}.ii_check_s3.prefix`, /folder/],
  ['a check of an empty key', checking({ bucket: 'a-bucket', prefix: '' }), `${R}.ii_check_s3.prefix`, /empty/],
  ['a check without a key', checking({ bucket: 'a-bucket' }), `${R}.ii_check_s3.prefix`, /missing/],
  ['a check in an empty bucket', checking({ bucket: '', prefix: 'k' }), `${R}.ii_check_s3.bucket`, /empty/],
  ['a check without a bucket', checking({ prefix: 'k' }), `${R}.ii_check_s3.bucket`, /missing/],
  [
    'a check in an impossible bucket',
    checking({ bucket: 'a_bucket', prefix: 'k' }),
    `${R}.ii_check_s3.bucket`,
    /underscore/,
  ],
  [
    'a check in a placeholder',
    checking({ bucket: '<your-bucket>', prefix: 'k' }),
    `${R}.ii_check_s3.bucket`,
    /placeholder/,
  ],
  [
    'a check by URL',
    checking({ bucket: 'a-bucket', prefix: 's3://a-bucket/k' }),
    `${R}.ii_check_s3.prefix`,
    /key alone/,
  ],
  ['a bucket by URL', checking({ bucket: 's3://a-bucket', prefix: 'k' }), `${R}.ii_check_s3.bucket`, /name alone/],
  [
    'a key of more than 1,024 bytes',
    checking({ bucket: 'a-bucket', prefix: 'é'.repeat(513) }),
    `${R}.ii_check_s3.prefix`,
    /1024/,
  ],
  [
    'an impossible bucket in a command',
    withCommands('x --S3_BUCKET A_B --S3_PREFIX p'),
    '$.commands[0]',
    /bucket is not possible/,
  ],
  ['the seed’s empty bucket', seedFile({ bucket: '' }), '$.bucket', /empty.*leave bucket and obj_key out/],
  ['the seed’s empty key', seedFile({ obj_key: '' }), '$.obj_key', /empty.*leave bucket and obj_key out/],
  ['the seed’s key without a bucket', seedFile({ bucket: undefined }), '$.bucket', /missing/],
  ['the seed’s bucket without a key', seedFile({ obj_key: undefined }), '$.obj_key', /missing/],
  [
    'another object than run_options name',
    withRunOptions({ ii_check_s3: { bucket: 'a-bucket', prefix: 'k' } }, { bucket: 'a-bucket', obj_key: 'l' }),
    '$.obj_key',
    /another object than that of run_options.ii_check_s3, s3:\/\/a-bucket\/k/,
  ],
  [
    'a key without a bucket beside run_options',
    withRunOptions({ ii_terminate_instance: true }, { obj_key: 'k' }),
    '$.bucket',
    /missing/,
  ],
  [
    'a date that nothing replaces',
    checking({ bucket: 'a-bucket', prefix: 'x/DATE/y' }),
    `${R}.ii_check_s3.prefix`,
    /Nothing replaces DATE here.*\$DATE/,
  ],
  ['the seed’s folder', seedFile({ obj_key: 'a/' }), '$.obj_key', /folder/],

  // datastream_command_options
  ['no start', options({ start_time: undefined }), `${D}.start_time`, /missing/],
  ['no end', options({ end_time: undefined }), `${D}.end_time`, /missing/],
  ['no forcing source', options({ forcing_source: undefined }), `${D}.forcing_source`, /missing/],
  ['no process count', options({ nprocs: undefined }), `${D}.nprocs`, /missing/],
  ['no place', options({ subset_id: undefined }), `${D}.subset_id`, /missing.*geopackage/],
  ['no hydrofabric', options({ hydrofabric_version: undefined }), `${D}.hydrofabric_version`, /missing/],
  [
    'half a place beside a geopackage',
    options({ geopackage: 'x.gpkg', subset_id_type: undefined }),
    `${D}.subset_id_type`,
    /belong together/,
  ],
  ['a date that the calendar lacks', options({ start_time: '202302290000' }), `${D}.start_time`, /YYYYMMDDHHMM/],
  ['an hour of 24', options({ end_time: '202006212400' }), `${D}.end_time`, /YYYYMMDDHHMM/],
  ['a date without an hour', options({ start_time: '20200620' }), `${D}.start_time`, /YYYYMMDDHHMM/],
  ['an end that is DAILY', options({ end_time: 'DAILY' }), `${D}.end_time`, /YYYYMMDDHHMM/],
  ['an end before the start', options({ end_time: '202006200000' }), `${D}.end_time`, /not after start_time/],
  ['an end at the start', options({ end_time: '202006200100' }), `${D}.end_time`, /not after start_time/],
  ['no process', options({ nprocs: 0 }), `${D}.nprocs`, /at least 1/],
  ['processes in words', options({ nprocs: 'all' }), `${D}.nprocs`, /whole number/],
  ['an unknown kind of place', options({ subset_id_type: 'gage' }), `${D}.subset_id_type`, /"hl"/],
  ['a place that runs', options({ subset_id: '$(id)' }), `${D}.subset_id`, /nothing in it is run/],
  ['a source that runs', options({ forcing_source: 'X; id' }), `${D}.forcing_source`, /letters, digits and _/],
  ['a version that runs', options({ hydrofabric_version: '2`id`' }), `${D}.hydrofabric_version`, /a version/],
  [
    'a realization that runs',
    options({ realization: "'; id; '" }),
    `${D}.realization`,
    /path on the instance or a URL/,
  ],
  [
    'a home that is not expanded',
    options({ realization: '~/r.json' }),
    `${D}.realization`,
    /\/home\/ec2-user\/r\.json/,
  ],
  ['a geopackage that is an option', options({ geopackage: '-x' }), `${D}.geopackage`, /path on the instance or a URL/],
  [
    'forcings in two lines',
    options({ 'ngen-forcings': 'a\nb' }),
    `${D}["ngen-forcings"]`,
    /path on the instance or a URL/,
  ],
  ['a placeholder realization', options({ realization: '<path>' }), `${D}.realization`, /placeholder/],
  ['an empty prefix', options({ object_prefix: '' }), `${D}.object_prefix`, /empty/],
  ['a prefix that runs', options({ object_prefix: 'a/$(id)' }), `${D}.object_prefix`, /a prefix of letters/],
  ['a bucket without a prefix', options({ object_prefix: undefined }), `${D}.s3_prefix`, /missing/],
  ['a prefix without a bucket', options({ s3_bucket: undefined }), `${D}.s3_bucket`, /missing/],
  ['an impossible bucket', options({ s3_bucket: 'ngen_data' }), `${D}.s3_bucket`, /underscore/],
  ['two prefixes', options({ s3_prefix: 'other' }), `${D}.object_prefix`, /older spelling of s3_prefix/],
];

const WARNINGS: Case[] = [
  ['an empty command', withCommands('ls', '  '), '$.commands[1]', /empty/],
  ['a shell without a command', withCommands("runuser -l ec2-user -c ''"), '$.commands[0]', /runs nothing/],
  [
    'a placeholder in a command',
    withCommands("runuser -l ec2-user -c '<first_command>'"),
    '$.commands[0]',
    /"<first_command>" looks like a placeholder/,
  ],
  [
    'a placeholder with dots',
    withCommands("runuser -l ec2-user -c '<subsequent_commands....>'"),
    '$.commands[0]',
    /placeholder/,
  ],
  [
    'a placeholder amid a command',
    withCommands('aws s3 cp x s3://<your-bucket>/x'),
    '$.commands[0]',
    /"<your-bucket>"/,
  ],
  ['a placeholder in capitals', withCommands('x --arn ROLE_ARN_PLACEHOLDER'), '$.commands[0]', /placeholder/],
  [
    'a placeholder AMI in a command',
    withCommands('aws ec2 run-instances --image-id ami-###'),
    '$.commands[0]',
    /ami-###/,
  ],
  ['a placeholder key in a command', withCommands('ssh -i your_key.pem host'), '$.commands[0]', /your_key/],
  [
    'DAILY with a source that names no cycle',
    withCommands('x --FORCING_SOURCE NWM_V3_SHORT_RANGE --S3_BUCKET a-bucket --S3_PREFIX p/DAILY'),
    '$.commands[0]',
    /day of the start in UTC.*_HH/,
  ],
  [
    'the same of a datastream script by its short options',
    withCommands('scripts/datastream -s DAILY -C NWM_V3_SHORT_RANGE -S a-bucket -o p/DAILY'),
    '$.commands[0]',
    /day of the start in UTC/,
  ],
  ['a command of a Windows editor', withCommands('ls\r'), '$.commands[0]', /carriage return, as editors on Windows/],
  [
    'a command of an old Mac’s editor',
    withCommands('cd x\rls'),
    '$.commands[0]',
    /carriage return, as editors on old Macs/,
  ],
  [
    'user data of a Windows editor',
    withParameters({ UserData: '#!/bin/sh\r\nls\r\n' }),
    `${P}.UserData`,
    /carriage return, as editors on Windows/,
  ],
  [
    'a variable that no command sets',
    withCommands('cp nextgen_$VPU.parquet x', 'echo ${VPU}'),
    '$.commands[0]',
    /No command sets VPU, so this is a template/,
  ],

  [
    'DAILY with an option’s source of no cycle',
    options({ start_time: 'DAILY', forcing_source: 'NWM_V3_MEDIUM_RANGE', object_prefix: 'p/DAILY' }),
    `${D}.forcing_source`,
    /_HH_M/,
  ],
  [
    'a placeholder realization',
    options({ realization: './your-realization.json' }),
    `${D}.realization`,
    /looks like a placeholder/,
  ],
  [
    'a doubtful key pair',
    withParameters({ KeyName: 'todo', SecurityGroupIds: ['sg-01234567'] }),
    `${P}.KeyName`,
    /placeholder/,
  ],
  [
    'a PuTTY key file',
    withParameters({ SecurityGroupIds: ['sg-01234567'], KeyName: 'team.ppk' }),
    `${P}.KeyName`,
    /looks like a file's name/,
  ],
  [
    'a path of a key file',
    withParameters({ SecurityGroupIds: ['sg-01234567'], KeyName: '~/.ssh/id_rsa' }),
    `${P}.KeyName`,
    /looks like a file's name/,
  ],
  [
    'an instance type that the table lacks',
    withParameters({ InstanceType: 't2g.xlarge' }),
    `${P}.InstanceType`,
    /not known here.*"t4g\.xlarge" is the nearest/,
  ],
  [
    'a size that the table lacks',
    withParameters({ InstanceType: 'p5.12xlarge' }),
    `${P}.InstanceType`,
    /not known here/,
  ],
  [
    'a region that AWS is not known to have',
    november2024File({ region: 'us-est-1' }),
    '$.region',
    /write "us-east-1" if that is meant/,
  ],
  ['a key pair without a group', withParameters({ KeyName: 'team' }), `${P}.KeyName`, /lets no ssh in/],
  [
    'a placeholder as a tag',
    tagged({ Key: 'Name', Value: '<draft>' }),
    `${P}.TagSpecifications[0].Tags[0].Value`,
    /looks like a placeholder/,
  ],
  [
    'a placeholder in a key',
    checking({ bucket: 'a-bucket', prefix: 'runs/<name>/x' }),
    `${R}.ii_check_s3.prefix`,
    /looks like a placeholder/,
  ],
  ['a tag in a command', withCommands("grep '<my_tag>' in.xml"), '$.commands[0]', /looks like a placeholder/],
  ['a note at the top', november2024File({ description: 'nightly' }), '$.description', /ignored/],
  ['a note in run_options', withRunOptions({ comment: 'x' }), `${R}.comment`, /ignored/],
  ['a note in the options', options({ owner: 'x' }), `${D}.owner`, /ignored/],
  ['a number in quotes', withRunOptions({ timeout_s: '600' }), `${R}.timeout_s`, /Write 600 without quotes/],
  [
    'a timeout that the launch may take up',
    withRunOptions({ timeout_s: 60 }),
    `${R}.timeout_s`,
    /counts from the launch/,
  ],
  ['a family newer than the table', withParameters({ InstanceType: 'm12g.large' }), `${P}.InstanceType`, /newer/],
  [
    'volumes that 2024 only detached',
    withRunOptions({ ii_detach_volume: true }),
    `${R}.ii_detach_volume`,
    /only detached.*deleted/,
  ],
  [
    'a type that is tried already',
    withRunOptions({ ii_instance_types: ['m8g.large', 't4g.large'] }),
    `${R}.ii_instance_types[1]`,
    /tried already/,
  ],
  [
    'another profile than the deployment’s',
    withParameters({ IamInstanceProfile: { Name: 'other' } }),
    `${P}.IamInstanceProfile.Name`,
    /alone: write "ours"/,
    { profileName: 'ours' },
  ],
  ['a client token', withParameters({ ClientToken: 'x' }), `${P}.ClientToken`, /ignored/],
  ['commands beside options', optionsFile({ commands: ['ls'] }), '$.commands', /ignored/],
  [
    'the seed’s object beside run_options that say no',
    november2024File({ bucket: 'a-bucket', obj_key: 'k' }),
    '$.obj_key',
    /not checked, since run_options say "ii_check_s3": false/,
  ],
];

describe('an error is', () => {
  test.each(ERRORS)('%s', (_, file, path, message, parseOptions = {}) => {
    const { execution, problems } = parseExecution(file, parseOptions);

    expect(execution).toBeUndefined();
    const problem = problems.find((each) => each.path === path && each.severity === 'error');
    expect(problem?.message ?? JSON.stringify(problems)).toMatch(message);
  });

  test.each(ERRORS)('the only one for %s at its path', (_, file, path, __, parseOptions = {}) => {
    expect(problemsOf(file, parseOptions).filter((each) => each.path === path)).toHaveLength(1);
  });
});

describe('a warning, which lets the file pass, is', () => {
  test.each(WARNINGS)('%s', (_, file, path, message, parseOptions = {}) => {
    const { execution, problems } = parseExecution(file, parseOptions);

    expect(execution).toBeDefined();
    expect(problems.find((each) => each.path === path)).toMatchObject({
      severity: 'warning',
      message: expect.stringMatching(message),
    });
  });
});

describe('a problem shows', () => {
  test('the value found, as JSON', () => {
    expect(problemsOf(withParameters({ InstanceType: 't2g' }))[0]?.found).toBe('"t2g"');
  });

  test('no value where nothing stands', () => {
    expect(problemsOf(withParameters({ ImageId: undefined }))[0]).not.toHaveProperty('found');
  });

  test('80 characters at most', () => {
    const [problem] = problemsOf(withParameters({ ImageId: `ami-${'x'.repeat(500)}` }));

    expect(problem?.found).toHaveLength(80);
    expect(problem?.found?.endsWith('…')).toBe(true);
  });
});

describe('no problem is', () => {
  test.each<[string, unknown, ParseOptions?]>([
    ['a redirection', withCommands("runuser -l ec2-user -c 'sort <in.txt >out.txt'")],
    ['a redirection without spaces', withCommands('sort <in_list>out.txt')],
    ['a redirection of descriptors', withCommands('a 2>&1 <in.txt> out.txt')],
    ['a here document', withCommands('cat <<EOF >x\n<html><b>x</b></html>\nEOF')],
    ['an element in quotes', withCommands('echo "<b>bold</b>" >x.html')],
    ['a comment in a script', withCommands('#### build ####\nmake')],
    ['an empty tag value', tagged({ Key: 'Name', Value: '' })],
    ['34 tags', tagged(...tags(34))],
    ['14 KB of user data', withParameters({ UserData: '#'.repeat(14 * 1024) })],
    ['a cloud-config of a Windows editor', withParameters({ UserData: '#cloud-config\r\npackages: [git]\r\n' })],
    ['an ID of 8 digits', withParameters({ ImageId: 'ami-01234567', SecurityGroupIds: ['sg-01234567'] })],
    ...[
      '/datastream/ami',
      'golden-ami',
      '/a_b.C-9',
      '/ami:3',
      'golden-ami:prod',
      '/ami:_v1.2-rc',
      `${'/l'.repeat(15)}:${'l'.repeat(100)}`,
      `/${'n'.repeat(1010)}`,
      '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64',
      'arn:aws:ssm:us-east-1:123456789012:parameter/ami',
      'arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/team/ami:7',
      'arn:aws:ssm:us-east-1:123456789012:parameter/ami:prod',
    ].map((name): [string, unknown] => [
      `the AMI of ${name.slice(0, 60)}`,
      withParameters({ ImageId: `resolve:ssm:${name}` }),
    ]),
    ['the state machine’s own region', november2024File({ region: 'us-gov-west-1' }), { region: 'us-gov-west-1' }],
    ['the newest partition’s region', november2024File({ region: 'eusc-de-east-1' })],
    ['the AMI’s architecture', withParameters({ InstanceType: 'm8g.large' }), { imageArchitecture: 'arm64' }],
    ['a member that few use', withParameters({ CpuOptions: { CoreCount: 2, ThreadsPerCore: 1 }, EbsOptimized: true })],
    ['a device that is left out', volume({ DeviceName: '/dev/sdb', NoDevice: '' })],
    [
      'DAILY in a source that names its cycle',
      withCommands('x --FORCING_SOURCE A_MEDIUM_RANGE_12_3 --S3_PREFIX p/DAILY'),
    ],
    ['a member that is none', withCommands('x --FORCING_SOURCE A_MEDIUM_RANGE_12_0 --S3_PREFIX p/DAILY')],
    ['the shell’s own variables', withCommands('cd $HOME && echo $PATH $RANDOM $UID ${BASH_VERSION} $AWS_REGION')],
    ['variables that commands set', withCommands('export VPU=01', 'x $VPU', 'for CYCLE in 1 2; do echo $CYCLE; done')],
    ['awk’s variables', withCommands("awk '{ print $NF, $1, NR }' x")],
    ['variables that a file may set', withCommands('source env.sh', 'x $VPU')],
    ['variables of another language', withCommands('#!/usr/bin/env perl', 'print $VPU;')],
    ['the dates that are written', withCommands('echo $DATE ${INSTANCE_TYPE}')],
    ['a date in a key', checking({ bucket: 'a-bucket', prefix: 'x/$DATE/${DATE}/UPDATE' })],
    ['a key pair beside a group', withParameters({ KeyName: 'team', SecurityGroupIds: ['sg-01234567'] })],
    [
      'the deployment’s profile by its ARN',
      withParameters({ IamInstanceProfile: { Arn: 'arn:aws:iam::123456789012:instance-profile/ours' } }),
      { profileName: 'ours' },
    ],
    [
      'a volume beside the root',
      withParameters({
        BlockDeviceMappings: [
          { DeviceName: '/dev/xvda', Ebs: { VolumeSize: 8 } },
          { DeviceName: '/dev/sdb', Ebs: { VolumeSize: 8 } },
        ],
      }),
    ],
    ['coordinates', options({ subset_id_type: 'xy', subset_id: '-105.1,40.5' })],
    ['a timeout of two minutes', withRunOptions({ timeout_s: 120 })],
    ['a timeout of 48 hours', withRunOptions({ timeout_s: 172_800 })],
  ])('%s', (_, file, parseOptions = {}) => {
    expect(problemsOf(file, parseOptions)).toEqual([]);
  });
});
