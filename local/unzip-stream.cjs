// bsdtar -xOf - NAME: writes one file of a zip to standard output while the zip comes in on standard input. No file
// is written, and the zip's end, where its list of files is, is not waited for (PKWARE, .ZIP File Format).
const { createInflateRaw } = require('node:zlib');

const FILE = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const CHUNK = 1 << 16;

function fail(message) {
  process.stderr.write(`bsdtar: ${message}\n`);
  process.exit(1);
}

const [options, archive, name, ...more] = process.argv.slice(2);
if (options !== '-xOf' || archive !== '-' || name === undefined || more.length > 0) {
  fail(`the embedded cloud knows 'bsdtar -xOf - NAME' only, not: bsdtar ${process.argv.slice(2).join(' ')}`);
}

/** Standard input, of which any number of bytes can be taken. */
const input = {
  stream: process.stdin[Symbol.asyncIterator](),
  rest: Buffer.alloc(0),
  /** More bytes; undefined at the end. */
  async more() {
    const { value, done } = await this.stream.next();
    return done ? undefined : value;
  },
  /** @returns so many bytes, or fewer at the end, which stay */
  async look(length) {
    while (this.rest.length < length) {
      const chunk = await this.more();
      if (chunk === undefined) break;
      this.rest = Buffer.concat([this.rest, chunk]);
    }
    return this.rest.subarray(0, length);
  },
  async take(length) {
    const bytes = await this.look(length);
    if (bytes.length < length) fail('Truncated ZIP file');
    this.rest = this.rest.subarray(length);
    return bytes;
  },
};

/** Standard output, not faster than it is read. */
function put(bytes) {
  return new Promise((resolve) => (process.stdout.write(bytes) ? resolve() : process.stdout.once('drain', resolve)));
}

/** What is stored as it is. */
async function copy(size, wanted) {
  for (let left = size; left > 0; ) {
    const bytes = await input.take(Math.min(left, CHUNK));
    if (wanted) await put(bytes);
    left -= bytes.length;
  }
}

/** What is deflated ends where deflate says so: a stream's header need not know its size. */
async function inflate(wanted) {
  const inflater = createInflateRaw();
  let ended = false;
  const written = (async () => {
    for await (const bytes of inflater) if (wanted) await put(bytes);
    ended = true;
  })();
  written.catch((error) => fail(`ZIP decompression failed: ${error.message}`));
  let given = 0;
  while (!ended) {
    const bytes = input.rest.length > 0 ? input.rest : await input.more();
    if (bytes === undefined) fail('Truncated ZIP file');
    input.rest = Buffer.alloc(0);
    given += bytes.length;
    await new Promise((resolve) => inflater.write(bytes, resolve));
    // It has told of its end when it takes less than it was given.
    if (inflater.bytesWritten < given) {
      input.rest = bytes.subarray(bytes.length - (given - inflater.bytesWritten));
      inflater.end();
      break;
    }
    await new Promise(setImmediate);
  }
  await written;
}

/** After a stream's file come its checksum and sizes, of four or eight bytes, which need not have a signature. */
async function skipDescriptor() {
  const bytes = await input.look(28);
  const signed = bytes.length >= 4 && bytes.readUInt32LE(0) === DESCRIPTOR ? 4 : 0;
  const next = (at) => bytes.length >= at + 2 && bytes.toString('latin1', at, at + 2) === 'PK';
  await input.take(next(signed + 12) ? signed + 12 : signed + 20);
}

async function main() {
  for (;;) {
    const start = await input.look(30);
    if (start.length < 30 || start.readUInt32LE(0) !== FILE) {
      fail(start.length < 4 ? 'Truncated ZIP file' : `${name}: Not found in archive`);
    }
    const header = await input.take(30);
    const [flags, method] = [header.readUInt16LE(6), header.readUInt16LE(8)];
    const entry = (await input.take(header.readUInt16LE(26))).toString('utf8');
    const extra = await input.take(header.readUInt16LE(28));
    const wanted = entry === name;
    if (method === 8) await inflate(wanted);
    else if (method === 0 && (flags & 8) === 0) await copy(sizeOf(header, extra), wanted);
    else fail(`${entry} is packed by a method that the embedded cloud does not know: ${method}`);
    if (wanted) break;
    if (flags & 8) await skipDescriptor();
  }
  // The rest is read, so that what writes it is not stopped.
  while ((await input.more()) !== undefined);
}

/** The packed size, which is in the extra field if it needs eight bytes. */
function sizeOf(header, extra) {
  const size = header.readUInt32LE(18);
  if (size !== 0xffffffff) return size;
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 1) return Number(extra.readBigUInt64LE(at + 12));
  }
  return fail('Truncated ZIP file');
}

main().catch((error) => fail(error.message));
