/**
 * Ends this process with one sentence if this version of Node.js cannot run the command. Plain CommonJS: an old
 * Node.js must be able to read this file.
 *
 * @param {string} command the command that the sentence names
 * @param {(major: number) => boolean} works whether the command runs on this major version
 * @param {string} advice which versions the command runs on, and what else the user can do
 */
function checkNodeVersion(command, works, advice) {
  if (works(Number.parseInt(process.versions.node, 10))) return;
  console.error(`${command} does not run on Node.js ${process.versions.node}: ${advice}`);
  process.exit(2);
}

/** Checks for `npx cdktf`: cdktf-cli's node-pty has builds only for these versions, and gets no new ones. */
exports.checkForCdktf = () =>
  checkNodeVersion(
    'npx cdktf',
    (major) => major >= 20 && major <= 22,
    'use Node.js 22, or synthesise with "npx tsx main.ts" and deploy with Terraform in cdktf.out/stacks/datastream.',
  );

exports.checkForDatastream = () =>
  checkNodeVersion(
    'datastream',
    (major) => major >= 20,
    'install Node.js 22, which is recommended, or any version from 20 on.',
  );
