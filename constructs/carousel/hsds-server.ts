import { DataAwsSsmParameter } from '@cdktf/provider-aws/lib/data-aws-ssm-parameter';
import { IamInstanceProfile } from '@cdktf/provider-aws/lib/iam-instance-profile';
import { Instance } from '@cdktf/provider-aws/lib/instance';
import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group';
import { Construct } from 'constructs';
import type { CurrentAws } from '../aws/current-aws';
import { derivedName } from '../aws/names';
import type { JobNetwork } from '../aws/network';
import { Role } from '../aws/role';
import { checkAll, RULES, requiredText } from '../aws/rules';

export interface HsdsServerProps {
  /** The bucket of HSDS' own objects, which exists. */
  readonly bucket: string;
  /** The image of HSDS by its digest, such as `hdfgroup/hsds@sha256:...`; it is x86_64. */
  readonly image: string;
  /** Default: m7i.large. */
  readonly instanceType?: string;
  /** Default: 32. */
  readonly diskGb?: number;
  readonly network: JobNetwork;
  /** The security groups of instances that may call the server. */
  readonly clientGroupIds: readonly string[];
  readonly namePrefix: string;
  readonly archiveBucket: string;
  /** The ARN of the archive's objects, with a `*`. */
  readonly archiveObjects: string;
  readonly aws: CurrentAws;
  readonly permissionsBoundaryArn?: string;
}

/** The port of HSDS' service node. */
const PORT = 5101;

/** @throws Error with a line for each property whose value cannot be deployed */
export function checkHsdsServer({ bucket, image }: Pick<HsdsServerProps, 'bucket' | 'image'>): void {
  const digest = {
    pattern: '^\\S+@sha256:[0-9a-f]{64}$',
    write: "the image by its digest, such as hdfgroup/hsds@sha256: and 64 digits; a tag's image may change",
  };
  checkAll([() => requiredText(RULES.bucket)('hsds.bucket', bucket), () => requiredText(digest)('hsds.image', image)]);
}

/**
 * An HSDS server: one instance with HSDS in a container. Only the queue's instances reach it. It has no SSH and no
 * anonymous users. It makes its password itself at its first start, so that none is in Terraform's state.
 */
export class HsdsServer extends Construct {
  /** Where jobs call it. */
  readonly endpoint: string;
  /** The secret with `username` and `password`. */
  readonly secretArn: string;

  constructor(scope: Construct, id: string, props: HsdsServerProps) {
    super(scope, id);
    checkHsdsServer(props);
    const { aws, namePrefix } = props;
    const name = derivedName(namePrefix, '-hsds');
    const secret = new SecretsmanagerSecret(this, 'secret', {
      namePrefix: `${name}-`,
      description: 'User and password of HSDS, which the server makes at its first start.',
      recoveryWindowInDays: 0,
    });
    this.secretArn = secret.arn;
    const role = new Role(this, 'role', {
      roleName: name,
      policyName: 'hsds',
      service: 'ec2.amazonaws.com',
      ...(props.permissionsBoundaryArn && { permissionsBoundaryArn: props.permissionsBoundaryArn }),
    });
    const bucket = `arn:${aws.partition}:s3:::${props.bucket}`;
    role.grant({ sid: 'ReadArchive', actions: ['s3:GetObject'], resources: [props.archiveObjects] });
    role.grant({
      sid: 'UseBucket',
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      resources: [`${bucket}/*`],
    });
    role.grant({
      sid: 'ListBuckets',
      actions: ['s3:ListBucket'],
      resources: [bucket, `arn:${aws.partition}:s3:::${props.archiveBucket}`],
    });
    role.grant({
      sid: 'MakePassword',
      actions: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'],
      resources: [secret.arn],
    });
    const profile = new IamInstanceProfile(this, 'profile', { name, role: role.name });
    const group = new SecurityGroup(this, 'security-group', {
      name,
      description: `HSDS of ${namePrefix}: port ${PORT} from the queue's instances, everything out.`,
      vpcId: props.network.vpcId,
      ingress: [{ protocol: 'tcp', fromPort: PORT, toPort: PORT, securityGroups: [...props.clientGroupIds] }],
      egress: [{ protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'], ipv6CidrBlocks: ['::/0'] }],
    });
    const ami = new DataAwsSsmParameter(this, 'ami', {
      name: '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
    });
    const server = new Instance(this, 'server', {
      ami: ami.insecureValue,
      instanceType: props.instanceType ?? 'm7i.large',
      subnetId: props.network.subnetIds[0] ?? '',
      vpcSecurityGroupIds: [group.id],
      iamInstanceProfile: profile.name,
      // HSDS runs in a container, one hop further than the instance.
      metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 2 },
      rootBlockDevice: { volumeType: 'gp3', volumeSize: props.diskGb ?? 32, encrypted: true },
      userData: userData(props, secret.arn),
      userDataReplaceOnChange: true,
      tags: { Name: name },
      // A newer image of Amazon Linux does not replace a server that runs.
      lifecycle: { ignoreChanges: ['ami'] },
      dependsOn: [role.policy],
    });
    this.endpoint = `http://${server.privateIp}:${PORT}`;
  }
}

function userData({ bucket, image, aws }: HsdsServerProps, secretArn: string): string {
  return `#!/bin/bash
set -euo pipefail
dnf install -y docker jq
systemctl enable --now docker
install -d -m 700 /opt/hsds
export AWS_DEFAULT_REGION=${aws.region}
secret=$(aws secretsmanager get-secret-value --secret-id ${secretArn} --query SecretString --output text 2>/dev/null || true)
if [ -z "$secret" ]; then
  secret=$(jq -nc --arg password "$(openssl rand -hex 24)" '{username: "admin", password: $password}')
  aws secretsmanager put-secret-value --secret-id ${secretArn} --secret-string "$secret" >/dev/null
fi
jq -r '.username + ":" + .password' <<<"$secret" >/opt/hsds/passwd.txt
cat >/opt/hsds/override.yml <<'YAML'
allow_noauth: false
aws_iam_role: null
password_file: /config/passwd.txt
YAML
cat >/etc/systemd/system/hsds.service <<'UNIT'
[Unit]
Description=HSDS
After=docker.service
Requires=docker.service
[Service]
Restart=always
RestartSec=10
ExecStartPre=-/usr/bin/docker rm -f hsds
ExecStart=/usr/bin/docker run --name hsds -p ${PORT}:${PORT} -v /opt/hsds:/config:ro \\
  -e BUCKET_NAME=${bucket} -e AWS_REGION=${aws.region} \\
  -e AWS_S3_GATEWAY=https://s3.${aws.region}.amazonaws.com ${image}
ExecStop=/usr/bin/docker stop hsds
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now hsds
`;
}
