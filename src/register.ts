/**
 * `node --import livespan/register app.js` sets telemetry up without code: `startTelemetry()` from the environment. Also by
 * `--require`. NODE_OPTIONS takes it into whatever process starts, so this file runs on any Node that knows modules, never
 * throws, and loads everything else only where it is wanted.
 */
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** As `engines` in package.json. */
const NODE_MIN = [22, 13] as const;
const PACKAGE_MANAGER = /^(npm|npx|yarn|yarnpkg|pnpm|pnpx|corepack)(-cli|-[\d.]+)?(\.[cm]?js)?$/;

function isNodeTooOld(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1]);
}

/** Synchronous: the application's own imports come right after, and `http` has to be patched by then. */
function load<T>(module: string): T {
  return createRequire(import.meta.url)(`${module}${import.meta.url.slice(-3)}`) as T;
}

function register(): void {
  if (PACKAGE_MANAGER.test(basename(process.argv[1] ?? ''))) return;
  if (isNodeTooOld()) {
    const message = `livespan needs Node.js ${NODE_MIN.join('.')} or later and this is ${process.versions.node}: it stays out, the application runs without it.`;
    process.emitWarning(message, { type: 'LivespanWarning', code: 'LIVESPAN_NODE_TOO_OLD' });
    return;
  }
  try {
    const { readOptions } = load<typeof import('./config.ts')>('./config');
    if (!isMainThread && !readOptions(['workers']).workers) return;
    load<typeof import('./sdk/telemetry.ts')>('./sdk/telemetry').startTelemetry();
  } catch (error) {
    const message = `livespan could not be set up and the application runs without it: ${error instanceof Error ? error.message : String(error)}`;
    process.emitWarning(message, { type: 'LivespanWarning', code: 'LIVESPAN_NOT_SET_UP' });
  }
}

register();
