import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { formatCursor, type Position } from '../../src/activity/cursor.ts';
import type { AppendRequest, AppendResult, Bus, BusEntry } from '../../src/bus/bus.ts';

/** One kind of log the contract suite runs on. */
export interface Harness {
  name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** A fresh log; the suite closes it. */
  open(): Promise<Bus>;
}

let counter = 0;

/** JSON of an activity with a number in it. */
export function activity(text: string | number = ++counter): string {
  return JSON.stringify({ id: `a-${text}`, kind: 'event', name: 'test.event', attributes: { text: `ä${text}` } });
}

export function activities(count: number): string[] {
  return Array.from({ length: count }, () => activity());
}

export async function appended(
  bus: Bus,
  request: AppendRequest,
): Promise<{ first: Position; last: Position; unpublished: number }> {
  const result = await bus.append(request);
  if (result.outcome !== 'appended' || result.first === undefined || result.last === undefined) {
    throw new Error(`not appended: ${describe(result)}`);
  }
  return { first: result.first, last: result.last, unpublished: result.unpublished };
}

export function describe(result: AppendResult): string {
  return result.outcome === 'failed' ? `${result.error.code}: ${result.error.message}` : JSON.stringify(result);
}

export async function failed(
  bus: Bus,
  request: AppendRequest,
): Promise<{ code: string; message: string; applied: 'no' | 'unknown' }> {
  const result = await bus.append(request);
  if (result.outcome !== 'failed') throw new Error(`did not fail: ${describe(result)}`);
  return { code: result.error.code, message: result.error.message, applied: result.applied };
}

export async function all(bus: Bus): Promise<BusEntry[]> {
  return (await bus.range({ limit: 1_000 })).entries;
}

/** Waits for a condition, long enough for a busy machine. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await sleep(5);
  }
}

/** Dense numbers and log time that never goes back. */
export function expectContiguous(entries: readonly BusEntry[]): void {
  for (const [i, { position }] of entries.entries()) {
    const previous = entries[i - 1]?.position;
    if (previous === undefined) continue;
    expect(position.n, formatCursor(position)).toBe(previous.n + 1);
    expect(position.ms, formatCursor(position)).toBeGreaterThanOrEqual(previous.ms);
  }
}

export interface Watcher {
  entries: BusEntry[];
  connected: boolean[];
  foreign: number;
  close(): Promise<void>;
}

export async function watch(bus: Bus): Promise<Watcher> {
  const watcher: Watcher = { entries: [], connected: [], foreign: 0, close: async () => undefined };
  const subscription = await bus.subscribe({
    onEntry: (entry) => void watcher.entries.push(entry),
    onConnected: (connected) => void watcher.connected.push(connected),
    onForeign: () => void watcher.foreign++,
  });
  watcher.close = () => subscription.close();
  return watcher;
}
