import { randomBytes } from 'node:crypto';
import type { Activity } from '../src/activity/activity.ts';
import { formatTimeUs } from '../src/activity/time.ts';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

function activity(kind: Activity['kind'], name: string, more: Partial<Activity>): Activity {
  const nowMs = Date.now();
  const stamp = nowMs.toString(16).padStart(12, '0');
  return {
    id: `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${hex(2).slice(1)}-a${hex(2).slice(1)}-${hex(6)}`,
    kind,
    name,
    time: formatTimeUs(nowMs * 1_000),
    severity: 'info',
    service: 'bench',
    attributes: { 'http.request.method': 'GET', 'http.route': '/orders/:id', 'http.response.status_code': 200 },
    ...more,
  };
}

async function append(url: string, activities: readonly Activity[]): Promise<void> {
  if (activities.length === 0) return;
  const response = await fetch(`${url}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ activities }),
  });
  if (!response.ok) throw new Error(`ingest answered ${response.status}`);
  await response.arrayBuffer();
}

/** Span starts named `probe-<n>-`, each ended half a second later. Returns when each was sent, ms since the epoch. */
export async function sendProbes(url: string, count: number, everyMs: number): Promise<[string, number][]> {
  const sent: [string, number][] = [];
  const ends: Promise<void>[] = [];
  const beginMs = performance.now();
  for (let n = 0; n < count; n += 1) {
    const name = `probe-${n}-`;
    const ids = { traceId: hex(16), spanId: hex(8), spanKind: 'server' as const };
    sent.push([name, Date.now()]);
    const started = append(url, [activity('span.start', name, ids)]);
    ends.push(
      started
        .then(() => pause(500))
        .then(() => append(url, [activity('span.end', name, { ...ids, status: 'ok', durationMs: 500 })])),
    );
    await pause(beginMs + (n + 1) * everyMs - performance.now());
  }
  await Promise.all(ends);
  return sent;
}

/** Of so many spans one has an event, and one in a hundred fails. */
const EVENT_EVERY = 4;
const ERROR_EVERY = 100;
const PER_SPAN = 2 + 1 / EVENT_EVERY;
const STEP_MS = 10;

/**
 * A steady load of spans that run for 1 to 400 ms, evenly spread: about a tenth of a second's activities run at any time.
 * Returns how many activities were sent.
 */
export async function sendSteadily(url: string, perSecond: number, forMs: number): Promise<number> {
  const beginMs = performance.now();
  const due: { atMs: number; end: () => Activity }[] = [];
  let spans = 0;
  let sent = 0;
  for (let ms = 0; ms < forMs || due.length > 0; ms = performance.now() - beginMs) {
    const batch: Activity[] = [];
    for (; ms < forMs && spans < (ms / 1_000) * (perSecond / PER_SPAN); spans += 1) {
      const span = spanOf(spans);
      batch.push(span.start(), ...span.events());
      due.push({ atMs: ms + span.durationMs, end: span.end });
    }
    for (let index = due.length - 1; index >= 0; index -= 1) {
      const one = due[index];
      if (one === undefined || one.atMs > ms) continue;
      batch.push(one.end());
      due.splice(index, 1);
    }
    await append(url, batch);
    sent += batch.length;
    await pause(STEP_MS - (performance.now() - beginMs - ms));
  }
  return sent;
}

/** So many events that belong to no span: a row each. */
export async function sendHistory(url: string, count: number): Promise<number> {
  for (let sent = 0; sent < count; sent += 500) {
    const events = Array.from({ length: Math.min(500, count - sent) }, (_, index) =>
      activity('event', 'order.found', { callId: `call-${sent + index}`, summary: `order ${sent + index} found` }),
    );
    await append(url, events);
  }
  return count;
}

/** So many activities at once: spans that start and end. */
export async function sendBurst(url: string, count: number): Promise<number> {
  for (let sent = 0; sent < count; sent += 500) {
    const spans = Array.from({ length: 250 }, (_, index) => spanOf(sent / 2 + index));
    await append(
      url,
      spans.flatMap(({ start, end }) => [start(), end()]),
    );
  }
  return count;
}

function spanOf(n: number) {
  const ids = { traceId: hex(16), spanId: hex(8), callId: `call-${n}` };
  const spanIds = { ...ids, spanKind: 'server' as const };
  const name = `GET /orders/:id`;
  // Spread without being in order; a random one could not be compared with the run before.
  const durationMs = 1 + ((n * 157) % 400);
  const failed = n % ERROR_EVERY === 0;
  return {
    durationMs,
    start: () => activity('span.start', name, spanIds),
    events: () =>
      n % EVENT_EVERY === 0 ? [activity('event', 'order.found', { ...ids, summary: `order ${n} found` })] : [],
    end: () =>
      activity('span.end', name, {
        ...spanIds,
        status: failed ? 'error' : 'ok',
        durationMs,
        severity: failed ? 'error' : 'info',
      }),
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
