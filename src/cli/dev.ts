import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { environment, readOptions } from '../config.ts';
import { LivespanError } from '../errors.ts';
import { usageError } from './arguments.ts';
import type { Call, Command } from './command.ts';
import { mentionRedisUrl, SERVER_OPTIONS, startServerSomewhere } from './serving.ts';
import { logToStderr } from './warnings.ts';

export const dev: Command = {
  name: 'dev',
  summary: 'Run a command with a server beside it; every Node.js process it starts is traced',
  usage: '[flags] -- <command> [arguments]',
  examples: [
    { line: 'livespan dev -- node app.js', doc: 'The live page shows what app.js does, without a change to it' },
    { line: 'livespan dev --port 0 -- npm start', doc: 'On a free port; npm itself is left out' },
  ],
  options: SERVER_OPTIONS,
  ownOptions: [],
  operandsMax: 1_000,
  run,
};

/** Beside those that a terminal sends to the child by itself. */
const PASSED_ON: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR2'];

async function run({ given, operands, output }: Call): Promise<number> {
  const [command, ...args] = operands;
  if (command === undefined) throw usageError('dev: expected a command after --, e.g. livespan dev -- node app.js');
  logToStderr(output);
  mentionRedisUrl(given, output);
  const server = await startServerSomewhere(given, output);
  output.err(`${output.paintErr('cyan', 'livespan:')} live page at ${server.url}`);
  let end: ChildEnd;
  try {
    const { token } = readOptions(['token'], given);
    const child = spawn(command, args, {
      stdio: 'inherit',
      // npm and its like are scripts there, which only a shell can start.
      shell: process.platform === 'win32',
      env: childEnvironment(environment(), server.url, token),
    });
    end = await ended(child, command);
  } finally {
    await server.close();
  }
  if (end.signal === null) return end.code ?? 1;
  // Whoever waits for us sees the same end as if there were no livespan in between.
  process.kill(process.pid, end.signal);
  return 128 + constants.signals[end.signal];
}

interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

function childEnvironment(env: NodeJS.ProcessEnv, url: string, token: string | undefined): NodeJS.ProcessEnv {
  const nodeOptions = `${env.NODE_OPTIONS ?? ''} --import=${registerUrl()}`.trim();
  return { ...env, NODE_OPTIONS: nodeOptions, LIVESPAN_URL: url, ...(token && { LIVESPAN_TOKEN: token }) };
}

/** By file, not by name: `npx` may be the only one who has the package. In a file URL nothing needs quotes. */
function registerUrl(): string {
  return new URL(`../register${import.meta.url.slice(-3)}`, import.meta.url).href;
}

/** Waits for the child; signals that come meanwhile are for it. */
async function ended(child: ChildProcess, command: string): Promise<ChildEnd> {
  const passOn = (name: NodeJS.Signals): void => {
    // Ctrl-C and Ctrl-\ reach everybody at the terminal; the child must not get them twice.
    if (process.stdin.isTTY && (name === 'SIGINT' || name === 'SIGQUIT')) return;
    child.kill(name);
  };
  for (const name of PASSED_ON) process.on(name, passOn);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'ENOENT' ? 'there is no such command' : error.message;
        reject(new LivespanError('invalid_request', `cannot run ${JSON.stringify(command)}: ${why}`, { cause: error }));
      });
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
  } finally {
    for (const name of PASSED_ON) process.off(name, passOn);
  }
}
