import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../config.ts';
import { LivespanError } from '../errors.ts';
import type { Call, OwnOption } from './command.ts';
import { processBirth } from './process-birth.ts';

/** What `start` writes down of the server it has started. */
export interface Daemon {
  pid: number;
  /** Tells the process from a later one that got the same pid. */
  birth: string | undefined;
  url: string;
  startedAt: string;
}

/** The files of one daemon. */
export interface DaemonFiles {
  folder: string;
  state: string;
  log: string;
  lock: string;
}

export const STATE_DIR_OPTION: OwnOption = {
  name: 'state-dir',
  value: 'folder',
  doc: 'Where its pid, address and log file are; one server a folder [LIVESPAN_STATE_DIR, default ~/.local/state/livespan]',
};

export function daemonFiles({ own }: Pick<Call, 'own'>): DaemonFiles {
  const env = environment();
  const given = typeof own['state-dir'] === 'string' ? own['state-dir'] : env.LIVESPAN_STATE_DIR || undefined;
  const folder = given ?? join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'livespan');
  return {
    folder,
    state: join(folder, 'server.json'),
    log: join(folder, 'server.log'),
    lock: join(folder, 'start.lock'),
  };
}

/** What was written down, also of a daemon that has died since. */
export async function readDaemon({ state }: DaemonFiles): Promise<Daemon | undefined> {
  let text: string;
  try {
    text = await readFile(state, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new LivespanError('invalid_request', `cannot read ${state}`, { cause: error });
  }
  try {
    const { pid, birth, url, startedAt } = JSON.parse(text) as Partial<Daemon>;
    if (Number.isSafeInteger(pid) && typeof url === 'string' && typeof startedAt === 'string') {
      return { pid: Number(pid), birth: typeof birth === 'string' ? birth : undefined, url, startedAt };
    }
  } catch {
    // Said below: whatever is there is not ours to interpret.
  }
  throw new LivespanError('invalid_request', `${state} is damaged; remove it when no livespan server runs`);
}

/** Whole or not at all: whoever reads it never sees a half. Only its owner may read it. */
export async function writeDaemon({ state }: DaemonFiles, daemon: Daemon): Promise<void> {
  const temporary = `${state}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(daemon)}\n`, { mode: 0o600 });
  await rename(temporary, state);
}

export async function forgetDaemon({ state }: DaemonFiles): Promise<void> {
  await rm(state, { force: true });
}

/** Whether that very process still runs. */
export async function isRunning({ pid, birth }: Daemon): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = await processBirth(pid);
  return birth === undefined || now === undefined || now === birth;
}

/** After this a lock is of a `start` that was killed. */
const LOCK_AGE_MAX_MS = 60_000;

/**
 * Holds off a second `start` meanwhile.
 * @returns what gives the lock back
 * @throws LivespanError when another one is at it
 */
export async function lockStart({ folder, lock }: DaemonFiles): Promise<() => Promise<void>> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const old = await stat(lock).catch(() => undefined);
    if (old !== undefined && Date.now() - old.mtimeMs > LOCK_AGE_MAX_MS) await rm(lock, { force: true });
    await (await open(lock, 'wx')).close();
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const message = taken ? 'another livespan start is at work' : `cannot write to ${folder}`;
    throw new LivespanError('invalid_request', message, { cause: error });
  }
  return () => rm(lock, { force: true });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
