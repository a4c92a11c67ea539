import { setTimeout as sleep } from 'node:timers/promises';
import { LivespanError } from '../errors.ts';
import type { Call, Command } from './command.ts';
import { daemonFiles, forgetDaemon, isRunning, readDaemon, STATE_DIR_OPTION } from './daemon.ts';

export const stop: Command = {
  name: 'stop',
  summary: 'Stop the server that runs in the background',
  usage: '[flags]',
  examples: [{ line: 'livespan stop', doc: 'Readers are told to come back, what is under way ends' }],
  options: [],
  ownOptions: [STATE_DIR_OPTION],
  operandsMax: 0,
  run,
};

/** Longer than the server gives itself. */
const STOP_TIMEOUT_MS = 25_000;
const KILL_TIMEOUT_MS = 5_000;
const LOOK_EVERY_MS = 50;

async function run(call: Call): Promise<number> {
  const files = daemonFiles(call);
  const daemon = await readDaemon(files);
  if (daemon === undefined) {
    await call.output.out('livespan does not run in the background');
    return 0;
  }
  const { pid, url } = daemon;
  const ended = async (withinMs: number): Promise<boolean> => {
    for (const endMs = performance.now() + withinMs; await isRunning(daemon); await sleep(LOOK_EVERY_MS)) {
      if (performance.now() > endMs) return false;
    }
    return true;
  };
  if (!(await isRunning(daemon))) {
    await forgetDaemon(files);
    await call.output.out(`livespan on ${url} (pid ${pid}) had ended before; its output is in ${files.log}`);
    return 0;
  }
  process.kill(pid, 'SIGTERM');
  if (!(await ended(STOP_TIMEOUT_MS))) {
    call.output.err(`livespan (pid ${pid}) does not end by itself and is killed`);
    process.kill(pid, 'SIGKILL');
    if (!(await ended(KILL_TIMEOUT_MS))) throw new LivespanError('internal', `pid ${pid} cannot be ended`);
  }
  await forgetDaemon(files);
  await call.output.out(`livespan on ${url} (pid ${pid}) has stopped`);
  return 0;
}
