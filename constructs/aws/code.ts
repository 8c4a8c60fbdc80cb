import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AssetType, Fn, TerraformAsset } from 'cdktf';
import { Construct } from 'constructs';
import { bundle, FUNCTIONS, type FunctionName } from './bundle';

let folder: string | undefined;

/** One run of esbuild for all state machines that this process synthesises. @returns the folder of the archives */
function archives(): string {
  if (folder) return folder;
  const { functions } = bundle();
  const made = mkdtempSync(path.join(tmpdir(), 'datastream-code-'));
  // cdktf copies the files when the app is synthesised, and does not say when it has.
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  for (const name of FUNCTIONS) writeFileSync(path.join(made, `${name}.zip`), functions[name].archive);
  folder = made;
  return made;
}

/** The archive of one function beside the stack's JSON. */
export class Code extends Construct {
  /** The archive's path, relative to the stack's JSON. */
  readonly path: string;
  /** SHA-256 in base64, as Lambda reports it; cdktf's `assetHash` is an MD5 and would differ in every plan. */
  readonly hash: string;

  constructor(scope: Construct, id: string, name: FunctionName) {
    super(scope, id);
    const file = path.join(archives(), `${name}.zip`);
    const asset = new TerraformAsset(this, 'archive', { path: file, type: AssetType.FILE });
    this.path = asset.path;
    this.hash = Fn.filebase64sha256(asset.path);
  }
}
