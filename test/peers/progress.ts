import { spawn } from 'node:child_process';

export type Say = (line: string) => void;

const TELL_EVERY_MS = 15_000;
const TIMEOUT_MS = 30 * 60_000;

/** Runs a program and says every now and then how long it has been at it. */
export async function runTelling(
  say: Say,
  what: string,
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<string> {
  const startMs = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - startMs) / 1_000)} s`;
  say(`${what} …`);
  const telling = setInterval(() => say(`${what} … ${elapsed()}`), TELL_EVERY_MS);
  try {
    const output = await run(program, args, options);
    say(`${what}: done in ${elapsed()}`);
    return output;
  } catch (thrown) {
    throw new Error(`${what}: failed after ${elapsed()}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  } finally {
    clearInterval(telling);
  }
}

/** Answers what a program printed; throws with its last words when it fails. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Not the option of spawn(): its timer stays for a program that is not there, and keeps the process alive as long.
    const limit = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? TIMEOUT_MS);
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4_000);
    });
    child.once('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      if (code === 0) resolve(output.trim());
      else reject(new Error(`${program} ended with ${signal ?? code}\n${errors || output.slice(-4_000)}`));
    });
  });
}
