import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'src/cli/main.ts');
/** The examples import 'livespan' by name: here that is what is being tested, however old `dist/` is. */
const SOURCES_FIRST = `--import=${pathToFileURL(join(ROOT, 'test/examples/support/source-hook.js')).href}`;
/** Starting the command line from its sources takes half a second; from this cache, a fifth. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/livespan-cli');
const WAIT_MS = 25_000;

export interface CliProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the match as soon as the output has it; fails with all output when it ends or takes too long. */
  says(pattern: RegExp, stream?: 'stdout' | 'stderr'): Promise<RegExpMatchArray>;
  /** Resolves when it has ended. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>;
}

const running = new Set<ChildProcess>();

/** Starts the real command line in a process of its own, with nothing of this process' environment that could matter. */
export function startCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): CliProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      NODE_OPTIONS: SOURCES_FIRST,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      ...env,
    },
  });
  running.add(child);
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text.stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    text.stderr += part;
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, ...text };
  });
  return {
    child,
    ended,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    async says(pattern, stream = 'stdout') {
      for (const startMs = performance.now(); performance.now() - startMs < WAIT_MS; await sleep(20)) {
        const match = pattern.exec(text[stream]);
        if (match !== null) return match;
        if (child.exitCode !== null || child.signalCode !== null) break;
      }
      const match = pattern.exec(text[stream]);
      if (match !== null) return match;
      throw new Error(`${pattern} was not said:\n${text.stdout}\n${text.stderr}`);
    },
  };
}

export async function runCli(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return startCli(args, env).ended;
}

/** `serve` on free ports. */
export async function startServe(
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<{ cli: CliProcess; url: string }> {
  const cli = startCli(['serve', '--port', '0', '--no-otlp', ...args], env);
  const [, url = ''] = await cli.says(/listening on (http:\S+)/);
  return { cli, url };
}

/** For `afterEach`: whatever a failed test has left. */
export async function endAll(): Promise<void> {
  const left = [...running];
  await Promise.all(
    left.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const end = once(child, 'exit');
      child.kill('SIGKILL');
      await end;
    }),
  );
}

/** Holds a port that somebody else wants. */
export async function takePort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer((_, response) => response.end('not livespan'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async release() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

let sequence = 0;

/** Sends activities to a server, as a client without OpenTelemetry does. */
export async function ingest(url: string, names: readonly string[], over: object = {}): Promise<void> {
  const activities = names.map((name) => {
    sequence += 1;
    return {
      id: `01997b5e-3a6c-7c1e-b2a4-${sequence.toString(16).padStart(12, '0')}`,
      kind: 'event',
      name,
      time: '2026-11-21T00:22:37.123456Z',
      severity: 'info',
      service: 'test',
      attributes: {},
      ...over,
    };
  });
  const response = await fetch(`${url}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ activities }),
  });
  const answer = (await response.json()) as { accepted?: number };
  if (answer.accepted !== names.length) throw new Error(`not taken: ${JSON.stringify(answer)}`);
}
