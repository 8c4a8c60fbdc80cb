import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { IMAGE_FOLDER } from '../../packer/variables';
import { findTool } from './tools';

/** Settings that Packer 1.6.6 does not know. Without them the base image sets the options of the metadata service. */
const UNKNOWN_TO_DEBIANS = [/^ {2}imds_support = .*\n/m, /^ {2}metadata_options \{\n(?: {4}.*\n)*? {2}\}\n/m];

/** Whether the Packer on the PATH is Debian's 1.6.6, which has its plugins built in. */
function isDebians(): boolean {
  const { stdout, stderr } = spawnSync('packer', ['version'], { encoding: 'utf8' });
  return /^Packer v1\.6\./m.test(stdout + stderr);
}

/** Copies packer/image without plugins.pkr.hcl and without the unknown settings, so that Packer 1.6.6 can read it. */
export function imageForDebians(folder: string): void {
  cpSync(IMAGE_FOLDER, folder, { recursive: true });
  rmSync(path.join(folder, 'plugins.pkr.hcl'));
  const file = path.join(folder, 'image.pkr.hcl');
  const text = UNKNOWN_TO_DEBIANS.reduce(
    (left, unknown) => {
      if (!unknown.test(left)) throw new Error(`${file} has no ${unknown}: is there anything left to cut?`);
      return left.replace(unknown, '');
    },
    readFileSync(file, 'utf8'),
  );
  writeFileSync(file, text);
}

/** The folder that the Packer on the PATH can read: packer/image, or for Debian's Packer a copy in `folder`. */
export function readableImage(folder: string): string {
  if (!isDebians()) return IMAGE_FOLDER;
  imageForDebians(folder);
  return folder;
}

/**
 * Returns a PATH whose Packer can run packer/image. For Debian's Packer, a stand-in on the PATH reports version 1.11
 * and runs Debian's Packer with a copy of packer/image. The stand-in needs `packer init` first, as a new Packer does.
 *
 * @param folder the folder for the copy and the stand-in
 */
export function pathWithPacker(folder: string): string {
  const { PATH = '' } = process.env;
  if (!isDebians()) return PATH;
  const image = path.join(folder, 'image');
  const bin = path.join(folder, 'bin');
  imageForDebians(image);
  mkdirSync(bin);
  const script = `#!/bin/sh
for image; do :; done
case "$1:$image" in
  version:*) echo 'Packer v1.11.0'; exit ;;
  init:*/packer/image) cat "$image/plugins.pkr.hcl" >'${folder}/initialised'; exit ;;
  *:*/packer/image) ;;
  *) exec '${findTool('packer')}' "$@" ;;
esac
cmp --quiet "$image/plugins.pkr.hcl" '${folder}/initialised' || { echo "Missing plugins: run packer init"; exit 1; }
[ $# -eq 3 ] || { echo "Packer is given $*"; exit 1; }
exec '${findTool('packer')}' "$1" "$2" '${image}'
`;
  writeFileSync(path.join(bin, 'packer'), script, { mode: 0o755 });
  return `${bin}${path.delimiter}${PATH}`;
}
