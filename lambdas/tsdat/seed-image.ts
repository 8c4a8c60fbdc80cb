import { createHash } from 'node:crypto';
import { gzipSync } from 'fflate';

/** A blob of an image in a registry. */
export interface Blob {
  readonly bytes: Uint8Array;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
}

/** A container image, as a registry stores it. */
export interface Image {
  readonly layer: Blob;
  readonly config: Blob;
  /** The manifest's text (Docker image manifest, version 2, schema 2). */
  readonly manifest: string;
}

export const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';

/** What the log of a function says that has this image: no program of this name is in it. */
const ENTRYPOINT = '/this-pipeline-has-not-been-built-yet';

/**
 * The image of a pipeline that has not been built. Lambda creates a function of an image only where the image exists, and
 * the build has a function to update only where it exists: this image, of less than 1 KB, comes first. The bytes are the
 * same each time.
 */
export function seedImage(): Image {
  const tar = archiveOf('not-built', 'The first build of the pipeline replaces this image.\n');
  // A time in the compressed file would make another digest.
  const layer = blob(gzipSync(tar, { mtime: 0 }));
  const config = blob(
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Entrypoint: [ENTRYPOINT] },
        rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      }),
    ),
  );
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: config.bytes.length,
      digest: config.digest,
    },
    layers: [
      {
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        size: layer.bytes.length,
        digest: layer.digest,
      },
    ],
  });
  return { layer, config, manifest };
}

const blob = (bytes: Uint8Array): Blob => ({ bytes, digest: digestOf(bytes) });

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A tar archive of one file (POSIX ustar). */
function archiveOf(name: string, text: string): Uint8Array {
  const content = Buffer.from(text);
  const header = Buffer.alloc(512);
  const write = (at: number, value: string) => header.write(value, at, 'ascii');
  const octal = (value: number, width: number) => value.toString(8).padStart(width, '0');
  write(0, name);
  write(100, `${octal(0o644, 7)}\0`);
  write(108, `${octal(0, 7)}\0`);
  write(116, `${octal(0, 7)}\0`);
  write(124, `${octal(content.length, 11)}\0`);
  write(136, `${octal(0, 11)}\0`);
  // The checksum counts its own field as spaces.
  write(148, ' '.repeat(8));
  write(156, '0');
  write(257, 'ustar\x0000');
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(148, `${octal(sum, 6)}\0 `);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}
