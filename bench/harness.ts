import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** One line of the printed table: a measured ratio (or figure) and what it is held against. */
export interface Row {
  what: string;
  /** The measured figure; a ratio unless `unit` says otherwise. */
  value: number;
  unit?: string;
  /** `≤ 1.7` or `≥ 0.7`, absent where the row only informs. */
  target?: { sign: '≤' | '≥'; value: number };
  /** The absolute figures behind a ratio, with units. */
  detail: string;
}

export interface Bench {
  name: string;
  title: string;
  run(options: {
    repeats: number;
    isQuick: boolean;
    /** Length of the run in which the memory of a server under full load is watched; 0 leaves it out. */
    memoryMinutes: number;
    say: (line: string) => void;
  }): Promise<Row[]>;
}

export function isMet(row: Row): boolean {
  if (row.target === undefined) return true;
  return row.target.sign === '≤' ? row.value <= row.target.value : row.value >= row.target.value;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

export function quantile(sorted: ArrayLike<number>, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Runs `bench/<file> …args` in a process of its own and answers the JSON in its last line. */
export function measure<T>(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--expose-gc', join(import.meta.dirname, file), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const last = output.trimEnd().split('\n').at(-1) ?? '';
      if (code !== 0) reject(new Error(`${file} ${args.join(' ')} ended with ${code}: ${output}`));
      else resolve(JSON.parse(last) as T);
    });
  });
}

/**
 * Measures every mode in turn, `repeats` times over, so that whatever slows the machine down slows all of them, and
 * answers each mode's results in the order of the repeats.
 */
export async function interleave<M extends string, T>(
  modes: readonly M[],
  repeats: number,
  once: (mode: M, repeat: number) => Promise<T>,
): Promise<Record<M, T[]>> {
  const results = Object.fromEntries(modes.map((mode) => [mode, [] as T[]])) as Record<M, T[]>;
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const mode of modes) results[mode].push(await once(mode, repeat));
  }
  return results;
}

/** Median of the ratios taken repeat by repeat: less noisy than the ratio of two medians. */
export function medianRatio(above: readonly number[], below: readonly number[]): number {
  return median(above.map((value, index) => value / (below[index] ?? Number.NaN)));
}
