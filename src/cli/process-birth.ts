import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/**
 * When the process was started, as a text that is only ever compared; `undefined` where the system does not say. Pids come
 * back, a pid with its time of birth does not.
 */
export async function processBirth(pid: number): Promise<string | undefined> {
  return (await fromProc(pid)) ?? (await fromPs(pid));
}

/** Linux: field 22 of /proc/<pid>/stat, in clock ticks since boot; field 2 may hold spaces and parentheses. */
async function fromProc(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { LC_ALL: 'C' } }, (error, stdout) => {
      resolve(error === null && stdout.trim() !== '' ? stdout.trim() : undefined);
    });
  });
}
