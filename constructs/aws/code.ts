import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AssetType, TerraformAsset } from 'cdktf';
import { Construct } from 'constructs';
import { unzipSync } from 'fflate';
import { PRODUCT } from '../../files/product';
import { temporaryFolder } from '../../files/temporary-folder';
import { bundle, type Sources } from './bundle';
import { zip } from './zip';

const folders = new Map<string, string>();

/** The folder of a system's archives. The npm package contains it; otherwise one run of esbuild makes it. */
function archives(sources: Sources): string {
  const packed = path.join(PRODUCT, 'functions', sources.folder);
  if (existsSync(packed)) return packed;
  const known = folders.get(sources.folder);
  if (known) return known;
  const { functions } = bundle(sources);
  const made = temporaryFolder('code');
  // Keep the folder until the process ends: cdktf copies the files during synthesis, and does not report when it has.
  for (const [name, { archive }] of Object.entries(functions)) writeFileSync(path.join(made, `${name}.zip`), archive);
  folders.set(sources.folder, made);
  return made;
}

/** An archive of its own for a function with further files. @returns its path */
function withFiles(archive: string, files: Readonly<Record<string, string>>): string {
  const texts = Object.entries(files).map(([name, text]) => [name, Buffer.from(text)] as const);
  const made = path.join(temporaryFolder('code'), path.basename(archive));
  writeFileSync(made, zip({ ...unzipSync(readFileSync(archive)), ...Object.fromEntries(texts) }));
  return made;
}

/** The archive of one function, beside the stack's JSON. */
export class Code extends Construct {
  /** The archive's path, relative to the stack's JSON. */
  readonly path: string;
  /** SHA-256 in base64, as Lambda reports it; cdktf's `assetHash` is an MD5 and would differ in every plan. */
  readonly hash: string;

  /** @param files texts that the function finds beside its code, by name; default: none */
  constructor(
    scope: Construct,
    id: string,
    sources: Sources,
    name: string,
    files: Readonly<Record<string, string>> = {},
  ) {
    super(scope, id);
    const archive = path.join(archives(sources), `${name}.zip`);
    const file = Object.keys(files).length === 0 ? archive : withFiles(archive, files);
    const asset = new TerraformAsset(this, 'archive', { path: file, type: AssetType.FILE });
    this.path = asset.path;
    // A literal, not filebase64sha256(): the plan has the hash of the archive that was made here.
    this.hash = createHash('sha256').update(readFileSync(file)).digest('base64');
  }
}
