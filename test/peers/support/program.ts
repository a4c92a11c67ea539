import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real program that a test has started. It does not outlive the test process. */
export interface Program {
  readonly pid: number;
  /** The last of what it wrote, for a failure's message. */
  output(): string;
  /** SIGTERM, and SIGKILL when that does not end it within seconds. May be called twice. */
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/**
 * Starts a program and waits until `isReady` answers true.
 * @throws Error with its last words when it ends or is not ready in time
 */
export async function startProgram(options: {
  path: string;
  args: readonly string[];
  env: Record<string, string>;
  cwd?: string;
  isReady: () => Promise<boolean>;
}): Promise<Program> {
  const { path, args } = options;
  const child = spawn(path, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-6_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.once('error', (error) => keep(Buffer.from(error.message)));
  // A signal to the whole group must not take the guard away before it has done its work.
  const guard = spawn('sh', ['-c', 'trap "" TERM INT HUP; read _; kill -9 "$1" 2>/dev/null', 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!hasEnded(child)) {
      const ended = once(child, 'exit');
      child.kill(signal);
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(force);
    }
    guard.kill('SIGKILL');
  };
  const deadlineMs = Date.now() + READY_TIMEOUT_MS;
  while (!(await options.isReady().catch(() => false))) {
    if (hasEnded(child) || child.pid === undefined || Date.now() > deadlineMs) {
      const what = hasEnded(child) ? 'ended at its start' : 'is not ready';
      if (child.pid !== undefined) await end('SIGKILL');
      throw new Error(`${path} ${args.join(' ')} ${what}:\n${output}`);
    }
    await sleep(50);
  }
  return {
    pid: child.pid ?? 0,
    output: () => output,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Loopback ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      probes.map(async (probe) => {
        probe.listen(0, '127.0.0.1');
        await once(probe, 'listening');
        const address = probe.address();
        if (address === null || typeof address === 'string') throw new Error('no free port');
        return address.port;
      }),
    );
  } finally {
    await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  }
}

export async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  return response.ok;
}

/** Asks until `condition` holds, or throws what `describe` says. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  options: { timeoutMs?: number; describe?: () => string } = {},
): Promise<void> {
  const deadlineMs = Date.now() + (options.timeoutMs ?? 60_000);
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`waited in vain: ${what}\n${options.describe?.() ?? ''}`);
    await sleep(50);
  }
}
