import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RedisOptions {
  /** Further arguments of redis-server, e.g. `['--appendonly', 'yes']`. */
  args?: string[];
  /** Where its data lives; a fresh folder, removed by `stop`, when absent. */
  dir?: string;
  port?: number;
}

/** A real redis-server of the test's own, on a free loopback port. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly dir: string;
  /** What the real redis-cli prints, without the line end. */
  cli(...args: string[]): Promise<string>;
  /** Ends it and removes its folder (unless it was given). May be called twice, also when it is down. */
  stop(): Promise<void>;
  /** `kill -9`; the folder stays. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Starts it again on the same port and folder; kills it first when it is still up. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'livespan-redis-')));
  let running: Running | undefined;
  let port = options.port ?? 0;
  for (let attempt = 1; running === undefined; attempt++) {
    port = options.port ?? (await freePort());
    running = await launch(port, dir, options.args ?? []).catch((error: unknown) => {
      if (attempt < 3 && options.port === undefined) return undefined;
      throw error;
    });
  }
  let child = running;

  const kill = async (): Promise<void> => {
    await end(child);
    child.guard.kill('SIGKILL');
  };

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return child.pid;
    },
    cli: (...args) => cli(port, args),
    kill,
    pause: () => signal(child.pid, 'SIGSTOP'),
    resume: () => signal(child.pid, 'SIGCONT'),
    async restart() {
      await kill();
      child = await launch(port, dir, options.args ?? []);
    },
    async stop() {
      await kill();
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A real sentinel that watches the primary at that port, alone, and is quick to judge. */
export async function startSentinel(
  name: string,
  primaryPort: number,
): Promise<Pick<RedisServer, 'port' | 'cli' | 'stop'>> {
  const dir = await mkdtemp(join(tmpdir(), 'livespan-sentinel-'));
  const port = await freePort();
  const file = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 1`,
    `sentinel down-after-milliseconds ${name} 500`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const running = await launchProgram([file, '--sentinel'], /\+monitor master/);
  return {
    port,
    cli: (...args) => cli(port, args),
    async stop() {
      await end(running);
      running.guard.kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A feed name that no other test uses. */
export function uniqueFeed(): string {
  return `livespan:test-${randomBytes(6).toString('hex')}`;
}

interface Running {
  /** redis-server itself, or the `docker run` that ends with it. */
  process: ChildProcess;
  /** Of redis-server itself, on this machine also where it runs in a container. */
  pid: number;
  /** Kills the server when this test process dies without having done so itself. */
  guard: ChildProcess;
}

async function end({ process: program, pid }: Running): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return;
  const ended = once(program, 'exit');
  signal(pid, 'SIGKILL');
  await ended;
}

/** A test may signal a server that is down already. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/**
 * A program of Redis: the one on PATH, else the same out of an image. The container shares network, processes and user with
 * this machine, so that ports, signals and files mean the same in both cases.
 */
function command(program: 'redis-server' | 'redis-cli', args: readonly string[]): [string, string[]] {
  const image = process.env.LIVESPAN_TEST_REDIS_IMAGE;
  if (image === undefined) return [program, [...args]];
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const shared = ['--network', 'host', '--pid', 'host', '--user', user, '--volume', `${tmpdir()}:${tmpdir()}`];
  return ['docker', ['run', '--rm', '-i', ...shared, image, program, ...args]];
}

function launch(port: number, dir: string, args: string[]): Promise<Running> {
  const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--daemonize', 'no'];
  return launchProgram([...base, ...args], /Ready to accept connections/);
}

async function launchProgram(args: string[], ready: RegExp): Promise<Running> {
  const [program, all] = command('redis-server', args);
  const server = spawn(program, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  server.stdout.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4_000);
  });
  server.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4_000);
  });
  let failure: Error | undefined;
  server.once('error', (error) => {
    failure = new Error(
      `redis-server cannot be started (install it, e.g. apt-get install redis-server): ${error.message}`,
    );
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!ready.test(output)) {
    if (failure !== undefined) throw failure;
    if (server.exitCode !== null) throw new Error(`redis-server ended at start:\n${output}`);
    if (Date.now() > deadline) {
      server.kill('SIGKILL');
      throw new Error(`redis-server is not ready after ${START_TIMEOUT_MS} ms:\n${output}`);
    }
    await sleep(5);
  }
  // Redis says its process id when it starts; in a container that is not the id of what we started.
  const pid = Number(/\bpid=(\d+)/.exec(output)?.[1] ?? server.pid);
  const script = 'read _; kill -9 "$1" 2>/dev/null';
  const guard = spawn('sh', ['-c', script, 'sh', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
  guard.unref();
  return { process: server, pid, guard };
}

function cli(port: number, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      ...command('redis-cli', ['-p', String(port), ...args]),
      { maxBuffer: 256 * 1_048_576 },
      (error, stdout) => {
        if (error === null) resolve(stdout.replace(/\n$/, ''));
        else reject(error);
      },
    );
  });
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
