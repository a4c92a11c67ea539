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
  const response = await fetch(`${url}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ activities }),
  });
  if (!response.ok) throw new Error(`ingest answered ${response.status}`);
  await response.arrayBuffer();
}

/** Span starts named `probe-<n>-`, each ended half a second later. Returns when each was sent, ms since the epoch. */
export async function sendProbes(url: string, count: number, everyMs: number): Promise<Map<string, number>> {
  const sent = new Map<string, number>();
  const ends: Promise<void>[] = [];
  const beginMs = performance.now();
  for (let n = 0; n < count; n += 1) {
    const name = `probe-${n}-`;
    const ids = { traceId: hex(16), spanId: hex(8), spanKind: 'server' as const };
    sent.set(name, Date.now());
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

/** A steady load of spans that start and end, one in a hundred with an error. Returns how many activities were sent. */
export async function sendSteadily(url: string, perSecond: number, forMs: number): Promise<number> {
  const everyMs = 50;
  const spansEach = Math.max(1, Math.round((perSecond * everyMs) / 2_000));
  const beginMs = performance.now();
  let sent = 0;
  for (let turn = 1; performance.now() - beginMs < forMs; turn += 1) {
    const spans = Array.from({ length: spansEach }, () => spanPair(sent));
    await append(url, spans.flat());
    sent += spans.length * 2;
    await pause(beginMs + turn * everyMs - performance.now());
  }
  return sent;
}

/** So many activities at once. */
export async function sendBurst(url: string, count: number): Promise<void> {
  const batches = Array.from({ length: count / 500 }, () =>
    Array.from({ length: 250 }, (_, index) => spanPair(index)).flat(),
  );
  for (const batch of batches) await append(url, batch);
}

function spanPair(n: number): [Activity, Activity] {
  const ids = { traceId: hex(16), spanId: hex(8), callId: `call-${n % 50}`, spanKind: 'server' as const };
  const status = n % 100 === 0 ? ('error' as const) : ('ok' as const);
  const name = `GET /orders/:id`;
  return [
    activity('span.start', name, ids),
    activity('span.end', name, {
      ...ids,
      status,
      durationMs: 1 + (n % 400),
      severity: status === 'ok' ? 'info' : 'error',
    }),
  ];
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
