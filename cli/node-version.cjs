/**
 * Ends this process with one sentence where this Node.js cannot run the command. Plain CommonJS: an old
 * Node.js must be able to read it.
 *
 * @param {string} command what the sentence is about
 * @param {(major: number) => boolean} works whether the command runs on this major version
 * @param {string} advice which versions the command runs on, and what else can be done
 */
function checkNodeVersion(command, works, advice) {
  if (works(Number.parseInt(process.versions.node, 10))) return;
  console.error(`${command} does not run on Node.js ${process.versions.node}: ${advice}`);
  process.exit(2);
}

/** Whether `npx cdktf` runs: cdktf-cli's node-pty is built for these alone, and nobody builds it any more. */
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
