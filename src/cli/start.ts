import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { environment, envName, type GivenOptions, type OptionName } from '../config.ts';
import { LivespanError } from '../errors.ts';
import type { Call, Command } from './command.ts';
import {
  type DaemonFiles,
  daemonFiles,
  forgetDaemon,
  isRunning,
  lockStart,
  readDaemon,
  STATE_DIR_OPTION,
  writeDaemon,
} from './daemon.ts';
import { processBirth } from './process-birth.ts';
import type { DaemonMessage } from './serve.ts';
import { describeLog, mentionRedisUrl, SERVER_OPTIONS } from './serving.ts';

export const start: Command = {
  name: 'start',
  summary: 'Run the server in the background',
  usage: '[flags]',
  examples: [
    { line: 'livespan start', doc: 'The same server as livespan serve, without the terminal' },
    { line: 'livespan start --port 0 --state-dir ./.livespan', doc: 'A second one, on a free port' },
  ],
  options: SERVER_OPTIONS,
  ownOptions: [STATE_DIR_OPTION, { name: 'json', doc: 'Say where it listens as JSON' }],
  operandsMax: 0,
  run,
};

/** Longest wait for the server to listen; its log is given 2 s of these. */
const START_TIMEOUT_MS = 30_000;
const LOG_LINES = 10;

async function run(call: Call): Promise<number> {
  const { given, own, output } = call;
  const files = daemonFiles(call);
  const unlock = await lockStart(files);
  try {
    const before = await readDaemon(files);
    if (before !== undefined && (await isRunning(before))) {
      throw new LivespanError('invalid_request', `livespan runs already: ${before.url} (pid ${before.pid})`);
    }
    await forgetDaemon(files);
    mentionRedisUrl(given, output);
    const log = describeLog(given);
    const { pid, url } = await launch(given, files);
    await writeDaemon(files, { pid, birth: await processBirth(pid), url, startedAt: new Date().toISOString() });
    await output.out(
      own.json
        ? JSON.stringify({ url, pid, logFile: files.log })
        : `livespan is running on ${url} (${log}, pid ${pid}); its output is in ${files.log}`,
    );
    return 0;
  } finally {
    await unlock();
  }
}

async function launch(given: GivenOptions<OptionName>, files: DaemonFiles): Promise<{ pid: number; url: string }> {
  const logFile = openSync(files.log, 'a', 0o600);
  const main = fileURLToPath(new URL(`./main${import.meta.url.slice(-3)}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, main, 'serve'], {
    detached: true,
    // Its own folder may go away; it needs none.
    cwd: files.folder,
    stdio: ['ignore', logFile, logFile, 'ipc'],
    // By the environment, where other users of the machine cannot read a token.
    env: { ...environment(), ...asEnvironment(given) },
  });
  closeSync(logFile);
  try {
    const url = await ready(child, files);
    return { pid: Number(child.pid), url };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function ready(child: ChildProcess, files: DaemonFiles): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (message: string): void => reject(new LivespanError('internal', message));
    const timer = setTimeout(
      () => fail(`the server did not listen within ${START_TIMEOUT_MS} ms; see ${files.log}`),
      START_TIMEOUT_MS,
    );
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(`the server ended at once (${signal ?? `exit code ${code}`}):\n${lastLines(files.log)}`);
    });
    child.on('message', (message: DaemonMessage) => {
      clearTimeout(timer);
      if (message.type === 'ready') resolve(message.url);
      else fail(message.message);
    });
  });
}

function asEnvironment(given: GivenOptions<OptionName>): NodeJS.ProcessEnv {
  const pairs = Object.entries(given).map(([name, value]) => [envName(name as OptionName), String(value)]);
  return Object.fromEntries(pairs);
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n');
}
