import { randomUUID } from 'node:crypto';
import type { Activity } from '../../../src/activity/activity.ts';
import { decodeActivity } from '../../../src/activity/codec.ts';
import type { Bus } from '../../../src/bus/bus.ts';
import type { PublisherStats } from '../../../src/sdk/publisher-contract.ts';

export function uniqueFeed(): string {
  return `test:${randomUUID()}`;
}

/** Everything in the log, oldest first; each entry must be an activity by the contract. */
export async function readAll(bus: Bus): Promise<Activity[]> {
  const activities: Activity[] = [];
  let after: { ms: number; n: number } | undefined;
  for (;;) {
    const page = await bus.range({ limit: 1_000, ...(after !== undefined && { after }) });
    for (const { json } of page.entries) activities.push(decoded(json));
    if (page.next === undefined) return activities;
    after = page.next;
  }
}

export function decoded(json: string): Activity {
  const result = decodeActivity(json);
  if (!result.ok) throw new Error(`${result.reason}: ${json}`);
  return result.activity;
}

/** What must be 0, always. */
export function difference({ emitted, published, queued, dropped }: PublisherStats): number {
  return emitted - published - queued - Object.values(dropped).reduce((sum, count) => sum + count, 0);
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
