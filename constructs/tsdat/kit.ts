import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AssetType, TerraformAsset } from 'cdktf';
import { Construct } from 'constructs';
import { PRODUCT } from '../../files/product';
import { temporaryFolder } from '../../files/temporary-folder';
import { zip } from '../aws/zip';

/** The kit's sources: Dockerfiles, handler, build. */
const FOLDER = path.join(PRODUCT, 'images', 'tsdat');

/** What the build runs from CodeBuild's own file; the rest of the folder is in the kit. */
const BUILDSPEC = 'buildspec.yml';

/** What the build must know of the deployment, `deployment.json` of the kit. */
export interface Deployment {
  readonly base: string;
  readonly branch: string;
  readonly region: string;
  readonly accountId: string;
  readonly artifactsBucket: string;
  /** SHA-256 of the deployed `pipelines_config.yml` with LF line ends; null where it is not known. */
  readonly configHash: string | null;
  /** The functions of each pipeline. */
  readonly pipelines: Readonly<Record<string, readonly string[]>>;
}

/** The archive that the build works with, beside the stack's JSON. The same sources give the same bytes. */
export class Kit extends Construct {
  /** The archive's path, relative to the stack's JSON. */
  readonly path: string;
  /** SHA-256, hexadecimal. */
  readonly hash: string;

  constructor(scope: Construct, id: string, deployment: Deployment) {
    super(scope, id);
    const files = readdirSync(FOLDER, { withFileTypes: true }).filter(
      (each) => each.isFile() && each.name !== BUILDSPEC,
    );
    const archive = zip({
      ...Object.fromEntries(files.map(({ name }) => [name, readFileSync(path.join(FOLDER, name))])),
      'deployment.json': Buffer.from(`${JSON.stringify(deployment, null, 2)}\n`),
    });
    const file = path.join(temporaryFolder('kit'), 'kit.zip');
    writeFileSync(file, archive);
    this.path = new TerraformAsset(this, 'archive', { path: file, type: AssetType.FILE }).path;
    this.hash = createHash('sha256').update(archive).digest('hex');
  }
}

/** The commands that CodeBuild runs. */
export const buildspec = (): string => readFileSync(path.join(FOLDER, BUILDSPEC), 'utf8');
