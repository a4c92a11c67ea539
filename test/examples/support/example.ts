import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../../', import.meta.url);
const START_TIMEOUT_MS = 30_000;

/** An example of the repository, running in a process of its own. */
export interface Example {
  readonly url: string;
  readonly pid: number;
  /** SIGTERM, and waits for the end. May be called twice. */
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** What it has written to standard error. */
  stderr(): string;
}

/** Starts `examples/<file>` with a free port; resolves when it has printed its URL. */
export async function startExample(
  file: string,
  env: Record<string, string>,
  nodeArguments: string[] = [],
): Promise<Example> {
  const hook = new URL('source-hook.js', import.meta.url).href;
  const child = spawn(
    process.execPath,
    ['--import', hook, ...nodeArguments, fileURLToPath(new URL(`examples/${file}`, ROOT))],
    { env: { ...withoutOurs(), PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-8_000);
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    if (!hasEnded(child)) child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await exited;
    clearTimeout(force);
    return { code: child.exitCode, signal: child.signalCode };
  };

  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const url = /^http:\/\/\S+$/m.exec(output)?.[0];
    if (url !== undefined && output.includes('\n')) {
      return { url, pid: child.pid ?? 0, stop, stderr: () => errors };
    }
    if (hasEnded(child) || Date.now() > deadline) {
      await stop();
      throw new Error(`${file} did not print its URL:\n${output}${errors}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The examples are to see the settings of the test and no others. */
function withoutOurs(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(LIVESPAN|OTEL|NODE_OPTIONS)/.test(name)),
  );
}
