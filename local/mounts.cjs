// The buckets that mount-s3 has mounted on an embedded instance. Each command is a process of its own:
//   node mounts.cjs mount USER [OPTION...] BUCKET DIRECTORY   mounts a bucket
//   node mounts.cjs enter USER                                sets the user of the next commands
//   node mounts.cjs settle                                    only settles the mounts
// Without root rights, users often cannot mount a file system (FUSE). So a mount is a folder with a copy of the bucket.
// Every command settles the mounts. This happens when another user's command or an `aws` begins or ends, and when the
// script ends. A change that Mountpoint would have written goes to the bucket. A change that Mountpoint would have
// refused is undone and reported, and the command fails. mountpoint-s3's doc/SEMANTICS.md says what Mountpoint refuses.
// This file is JavaScript, since its processes have no TypeScript loader.
const fs = require('node:fs');
const path = require('node:path');

const { DATASTREAM_DISK: disk, DATASTREAM_BUCKETS: buckets } = process.env;
const folder = path.join(disk, 'mounts');
const file = path.join(folder, 'state.json');
const NONE = { user: 'root', mounts: [] };

/** Options of mount-s3 that take a value. */
const WITH_VALUE =
  /^(-l|-t|--(region|prefix|endpoint-url|cache|metadata-ttl|max-cache-size|max-threads|maximum-throughput-gbps|log-directory|uid|gid|dir-mode|file-mode|profile|storage-class|sse|sse-kms-key-id|expected-bucket-owner|bucket-type|(read-|write-)?part-size|upload-checksums|user-agent-prefix))$/;

class Refused extends Error {}

function parse(args) {
  const options = new Map();
  const positional = [];
  for (let at = 0; at < args.length; at++) {
    const [, name, value] = /^(-[^=]*)(?:=(.*))?$/s.exec(args[at]) ?? [];
    if (name === undefined) positional.push(args[at]);
    else if (value === undefined && WITH_VALUE.test(name)) options.set(name, args[++at] ?? '');
    else options.set(name, value ?? '');
  }
  return { options, positional };
}

function mount(state, user, args) {
  const { options, positional } = parse(args);
  if (positional.length !== 2) {
    throw new Refused(`expected BUCKET and DIRECTORY, got: ${positional.join(' ') || 'nothing'}`);
  }
  const bucket = positional[0].replace(/^s3:\/\//, '').replace(/\/$/, '');
  const [, shown] = positional;
  const directory = path.resolve(shown);
  const prefix = options.get('--prefix') ?? '';
  if (prefix !== '' && !prefix.endsWith('/')) throw new Refused(`the prefix ${prefix} does not end in /`);
  if (!fs.existsSync(directory)) throw new Refused(`the mount point ${shown} does not exist`);
  try {
    fs.rmdirSync(directory);
  } catch {
    throw new Refused(`the mount point ${shown} is not empty`);
  }
  // Mountpoint enforces its modes itself. The default is 0755; --allow-other, --dir-mode and --uid change the access.
  const others = options.has('--uid') || /[2367]$/.test(options.get('--dir-mode') ?? '') ? 'write' : 'read';
  const own = path.join(folder, String(state.mounts.length));
  const added = {
    directory,
    shown,
    view: path.join(own, 'view'),
    nobody: path.join(own, `only ${user} may use this: it is mounted without --allow-other`),
    source: path.join(buckets, bucket, prefix),
    owner: user,
    others: options.has('--allow-other') ? others : 'none',
    readOnly: options.has('--read-only'),
    overwrite: options.has('--allow-overwrite'),
    delete: options.has('--allow-delete'),
    files: {},
  };
  for (const each of [added.view, added.source]) fs.mkdirSync(each, { recursive: true });
  fs.writeFileSync(added.nobody, '');
  pull(added);
  state.user = user;
  state.mounts.push(added);
  show(state);
  process.stdout.write(`bucket ${bucket} is mounted at ${shown}\n`);
}

/** Links each mount point to its view if the user may see the mount. Otherwise to a file whose name says the reason. */
function show({ user, mounts }) {
  for (const { directory, view, nobody, owner, others } of mounts) {
    // Without allow_other, root cannot see another user's mount either (fuse(8)).
    const target = user === owner || others !== 'none' ? view : nobody;
    if (fs.lstatSync(directory, { throwIfNoEntry: false })?.isSymbolicLink()) fs.unlinkSync(directory);
    if (fs.existsSync(path.dirname(directory)) && !fs.existsSync(directory)) fs.symlinkSync(target, directory);
  }
}

/** Finds the files and links below a folder, by their paths relative to the folder. */
function scan(root) {
  const found = new Map();
  for (const entry of fs.readdirSync(root, { withFileTypes: true, recursive: true })) {
    // A file NAME.part.PID is not an object yet. Its process renames it when it is complete.
    if (entry.isDirectory() || /\.part\.\d+$/.test(entry.name)) continue;
    const full = path.join(entry.parentPath ?? entry.path, entry.name);
    const now = fs.lstatSync(full, { bigint: true, throwIfNoEntry: false });
    if (now) found.set(path.relative(root, full), now);
  }
  return found;
}

const stamp = ({ ino, size, mtimeNs, mode }) => `${ino} ${size} ${mtimeNs} ${mode}`;
const inode = (text) => text.split(' ')[0];

/** Updates the view from the bucket: adds and replaces files, and deletes files whose objects were deleted. */
function pull(mount) {
  const { source, view, files } = mount;
  const objects = scan(source);
  for (const name of Object.keys(files)) {
    if (objects.has(name)) continue;
    fs.rmSync(path.join(view, name), { force: true });
    delete files[name];
  }
  for (const [name, object] of objects) {
    if (!object.isFile() || files[name]?.object === stamp(object)) continue;
    const target = path.join(view, name);
    fs.rmSync(target, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.copyFileSync(path.join(source, name), target);
    fs.utimesSync(target, object.atime, object.mtime);
    settled(mount, name, object);
  }
}

/**
 * Records that the file in the view is a copy of this object. Without --allow-overwrite the file is read-only, so a
 * write by a user other than root fails at once with EACCES.
 */
function settled({ files, view, overwrite }, name, object) {
  const target = path.join(view, name);
  fs.chmodSync(target, overwrite ? 0o644 : 0o444);
  files[name] = { view: stamp(fs.lstatSync(target, { bigint: true })), object: stamp(object) };
}

function push(mount, name) {
  const { source, view } = mount;
  const target = path.join(source, name);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  // The copy is renamed when it is complete, so the object is never incomplete.
  const part = `${target}.part.${process.pid}`;
  fs.copyFileSync(path.join(view, name), part);
  fs.chmodSync(part, 0o644);
  fs.renameSync(part, target);
  settled(mount, name, fs.lstatSync(target, { bigint: true }));
}

/** Says why Mountpoint would have refused the change of a file; undefined if it would have allowed the change. */
function refusal(mount, user, name, now, born) {
  const { files, readOnly, overwrite, owner, others } = mount;
  const known = files[name];
  if (known && now && stamp(now) === known.view) return undefined;
  if (readOnly) return 'was changed, but the bucket is mounted with --read-only';
  if (user !== owner && !(others === 'write' || (user === 'root' && others === 'read'))) {
    return `was changed by ${user}, but ${owner} has mounted the bucket, and only ${owner} may write there`;
  }
  if (known && !now) {
    const other = born.get(known.view);
    if (other !== undefined) return `was renamed to ${other}: Mountpoint renames nothing`;
    return mount.delete ? undefined : 'was deleted: Mountpoint deletes only with --allow-delete';
  }
  if (now.isSymbolicLink() || now.nlink > 1n) return 'is a link: Mountpoint makes none';
  if (!now.isFile()) return 'is no file: Mountpoint has files and folders only';
  if (!known) return undefined;
  if (inode(known.view) !== String(now.ino)) {
    // A rename over the file looks the same as a deletion and a new file.
    return mount.delete ? undefined : 'was replaced: Mountpoint renames nothing, and deletes only with --allow-delete';
  }
  const [, size, time] = known.view.split(' ');
  if (size === String(now.size) && time === String(now.mtimeNs)) {
    return 'got another mode: Mountpoint changes none';
  }
  return overwrite ? undefined : 'was overwritten or appended to: Mountpoint does it only with --allow-overwrite';
}

/** Settles one mount. @returns one sentence for each refused change */
function settleOne(mount, user) {
  const { view, source, files, shown } = mount;
  const found = scan(view);
  // A rename keeps the whole stamp. The inode alone is not enough: a new file may have the inode of a deleted file.
  const born = new Map([...found].filter(([name]) => !files[name]).map(([name, now]) => [stamp(now), name]));
  const refused = [];
  for (const name of new Set([...Object.keys(files), ...found.keys()])) {
    const now = found.get(name);
    const reason = refusal(mount, user, name, now, born);
    // A rename is one refusal, under the old name. The new name is not a new file.
    const renamed =
      now && !files[name] && Object.keys(files).some((each) => !found.has(each) && files[each].view === stamp(now));
    if (reason) refused.push(`${shown}/${name} ${reason}.`);
    else if (renamed) continue;
    else if (!now) {
      fs.rmSync(path.join(source, name), { force: true });
      delete files[name];
    } else if (files[name]?.view !== stamp(now)) push(mount, name);
  }
  if (refused.length > 0) {
    // Empties the view, so that `pull` restores it from the bucket without the refused changes.
    for (const entry of fs.readdirSync(view)) fs.rmSync(path.join(view, entry), { recursive: true, force: true });
    mount.files = {};
  }
  pull(mount);
  return refused;
}

/** Runs one process at a time, since a job may call several `aws` at once. A process ignores the lock after 10 s. */
function locked(act) {
  const lock = path.join(disk, 'mounts.lock');
  for (const until = Date.now() + 10_000; ; ) {
    try {
      fs.mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() > until) break;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
  try {
    act();
  } finally {
    fs.rmSync(lock, { recursive: true, force: true });
  }
}

function main([command, ...args]) {
  const state = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : structuredClone(NONE);
  const refused = state.mounts.flatMap((mount) => settleOne(mount, state.user));
  try {
    if (command === 'mount') mount(state, args[0], args.slice(1));
    if (command === 'enter') [state.user] = args;
    show(state);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refused.push(error.message);
  }
  if (state.mounts.length > 0) fs.writeFileSync(file, JSON.stringify(state));
  for (const sentence of refused.slice(0, 5)) process.stderr.write(`mount-s3: ${sentence}\n`);
  if (refused.length > 5) process.stderr.write(`mount-s3: and ${refused.length - 5} more.\n`);
  process.exitCode = refused.length > 0 ? 1 : 0;
}

locked(() => main(process.argv.slice(2)));
