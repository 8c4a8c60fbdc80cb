/**
 * Ends this process with one sentence where this Node.js cannot run the command. Plain CommonJS: an old
 * Node.js must be able to read it.
 *
 * @param {string} command what the sentence is about
 * @param {(major: number) => boolean} works whether the command runs on this major version
 * @param {string} advice which versions the command runs on, and what else can be done
 */
exports.checkNodeVersion = function checkNodeVersion(command, works, advice) {
  if (works(Number.parseInt(process.versions.node, 10))) return;
  console.error(`${command} does not run on Node.js ${process.versions.node}: ${advice}`);
  process.exit(2);
};
