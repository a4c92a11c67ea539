#!/usr/bin/env node
/** The `livespan` command. It runs on any Node that knows modules, to be able to say that this one is too old. */

/** As `engines` in package.json. */
const NODE_MIN = [22, 13] as const;
/** After this the process ends although something is still open: nothing of ours is left to wait for. */
const LINGER_MS = 1_000;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
  console.error(`livespan needs Node.js ${NODE_MIN.join('.')} or later; this is ${process.versions.node}`);
  process.exitCode = 1;
} else {
  void import('./command-line.ts')
    .then(({ runCommandLine }) => runCommandLine(process.argv.slice(2)))
    .then((exitCode) => {
      process.exitCode = exitCode;
      setTimeout(() => process.exit(exitCode), LINGER_MS).unref();
    });
}
