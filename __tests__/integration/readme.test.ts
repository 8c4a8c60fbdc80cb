import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { writeAmazonImages } from '../support/amazon-images';
import { inventory } from '../support/deployed';
import { type Moto, motoClients, startMoto } from '../support/moto';
import { pathWithPacker } from '../support/packer';
import { clone, ROOT, succeed, Workspace } from '../support/terraform';
import { describeWith } from '../support/tools';

/** A page's shell blocks, in their order, each a list of commands. */
const blocksOf = (page: string) =>
  [...readFileSync(path.join(ROOT, page), 'utf8').matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block = '']) =>
    block.trim().split('\n'),
  );
const CI = readFileSync(path.join(ROOT, '.ci', 'run'), 'utf8');

const BLOCKS = blocksOf('README.md');
const [WITH_TERRAFORM, IN_S3, ...KEPT] = blocksOf('docs/deployment.md') as [string[], string[], string[]];

const isForCi = (command: string) => /^npm (ci|run |start)/.test(command);

/** The packages are there. `npm start` is run here too: the commands after it look at what it has done. */
const isInstallation = (command: string) => /^npm (ci|run )/.test(command);

/** Without a person to ask: cdktf and Terraform want to be told beforehand. */
const unattended = (command: string) => command.replace(/^npx cdktf (deploy|destroy)/, 'npx cdktf $1 --auto-approve');

describe("The README's commands", () => {
  it.each(BLOCKS.flat().filter(isForCi))('%s is run by CI, or a part of it', (command) => {
    expect(CI.split('\n')).toContainEqual(expect.stringMatching(new RegExp(`(^|required )${command}( -- --part)?$`)));
  });
});

describeWith(['terraform', 'packer', 'moto_server', 'aws'], "The README's commands on an emulated AWS", () => {
  let moto: Moto;
  let workspace: Workspace;
  let packerPath: string;
  /** What the image downloads. */
  let internet: Server;
  const images = path.join(tmpdir(), `datastream-images-${process.pid}.json`);
  const commands = BLOCKS.map((block) => block.filter((command) => !isInstallation(command))).filter(
    ({ length }) => length > 0,
  );

  beforeAll(async () => {
    writeAmazonImages(images);
    moto = await startMoto({ MOTO_AMIS_PATH: images });
    internet = createServer(({ url }, response) => response.end(url)).listen(0, '127.0.0.1');
    workspace = new Workspace(moto.endpoint);
    const packer = path.join(workspace.folder, 'packer');
    mkdirSync(packer);
    packerPath = pathWithPacker(packer);
  });
  afterAll(async () => {
    workspace.remove();
    internet.close();
    rmSync(images);
    await moto.stop();
  });

  const origin = () => `http://127.0.0.1:${(internet.address() as AddressInfo).port}`;
  const environment = () => ({
    ...workspace.environment,
    PATH: packerPath,
    TF_CLI_ARGS_apply: '-auto-approve',
    PKR_VAR_mount_s3_url: `${origin()}/mount-s3-{version}-{architecture}.rpm`,
    PKR_VAR_hfsubset_url: `${origin()}/hfsubset-v{version}-linux_{goarch}.tar.gz`,
    // An emulated instance cannot be reached: nothing is installed on it.
    PKR_VAR_communicator: 'none',
    PKR_VAR_custom_endpoint_ec2: moto.endpoint,
  });

  it('work one after the other as they stand there, and leave nothing in AWS', async () => {
    const cwd = path.join(workspace.folder, 'clone');
    await clone(cwd);
    const before = await inventory('us-east-1', workspace.environment);

    const isRemoval = ([first = '']: readonly string[]) => first.startsWith('npx cdktf destroy');
    const removal = commands.filter(isRemoval).flat();
    // As a job whose file keeps its instance leaves it.
    const keepOne = [
      'kept=$(aws ec2 run-instances --image-id ami-0e9271c829888680e --instance-type t4g.small --tag-specifications ' +
        '"ResourceType=instance,Tags=[{Key=datastream:state-machine,Value=' +
        '$(terraform -chdir=cdktf.out/stacks/datastream output -raw datastream_arn)}]" ' +
        "--query 'Instances[0].InstanceId' --output text)",
      'aws ec2 stop-instances --instance-ids "$kept"',
    ];
    const inOrder = [...commands.filter((block) => !isRemoval(block)), WITH_TERRAFORM, keepOne, ...KEPT, removal];

    const output = await succeed('bash', ['-ec', `${inOrder.map(blockInFolder).join('\n')}`], {
      cwd,
      env: environment(),
    });

    expect(output).toContain('SUCCEEDED after');
    expect(output).toMatch(/^Template {3}executions\/execution_template\.json: ami-[0-9a-f]{17} in us-east-1$/m);
    expect(output).toContain('executions/first-job.json: written.');
    expect(output).toMatch(/^started first-job_\d{8}-\d{6} {3}estimate \$0\.\d+$/m);
    expect(output).toMatch(/^RUNNING {2}first-job_\d{8}-\d{6} /m);
    expect(await inventory('us-east-1', workspace.environment)).toEqual(before);
  });

  it('move the state of a deployment to S3', async () => {
    const { s3 } = motoClients(moto.endpoint);
    await s3.send(new CreateBucketCommand({ Bucket: 'my-state' }));
    const cwd = path.join(workspace.folder, 'clone-s3');
    await clone(cwd);
    // One resource: the whole is deployed above.
    const [synthesis, folder, init, apply] = WITH_TERRAFORM;
    const group = 'aws_cloudwatch_log_group.datastream_relay_log_D918E797';
    const local = [synthesis, folder, init, `${apply} -target=${group}`];
    // moto has one host name for all buckets.
    const moving = 'export TF_CLI_ARGS_init="-backend-config=use_path_style=true -migrate-state -force-copy"';

    const output = await succeed(
      'bash',
      ['-ec', [`(${local.join('\n')})`, moving, ...IN_S3, 'terraform state list'].join('\n')],
      { cwd, env: environment() },
    );

    expect(output).toContain('Successfully configured the backend "s3"');
    expect(output.split('\n')).toContain(group);
  });

  /** Each block begins in the README's folder. */
  function blockInFolder(block: readonly string[]): string {
    return [`cd ${JSON.stringify(path.join(workspace.folder, 'clone'))}`, ...block.map(unattended)].join('\n');
  }
});
