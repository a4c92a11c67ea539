import { hostname } from 'node:os';
import { createId } from './activity-id.ts';
import { nowUs } from './clock.ts';
import { cryptoModule } from './load-module.ts';
import type { PendingRecord } from './pending-activity.ts';

const HOST_CHARS_MAX = 100;

/** `host:pid-xxxx`: a pid and a pod name come back, an instance must not. */
export function defaultInstance(): string {
  const host = hostname()
    .replace(/[^\x21-\x7e]/g, '-')
    .slice(0, HOST_CHARS_MAX);
  return `${host}:${process.pid}-${cryptoModule().randomBytes(2).toString('hex')}`;
}

/** `livespan.instance_started` or `livespan.instance_stopped`, in the producer's own order among its activities. */
export function instanceNotice(what: 'started' | 'stopped', instance: string): PendingRecord {
  const timeUs = nowUs();
  return {
    id: createId(timeUs / 1_000),
    kind: 'notice',
    name: `livespan.instance_${what}`,
    timeUs,
    severity: 'info',
    summary: `Instance ${instance} ${what}`,
    attributes: { 'livespan.instance': instance },
    sizeBytes: 0,
  };
}

/** Resource attributes as OpenTelemetry's environment gives them; the value is percent-encoded there. */
export function serviceFromEnvironment(env: Readonly<NodeJS.ProcessEnv>): string | undefined {
  const name = env.OTEL_SERVICE_NAME;
  if (name !== undefined && name !== '') return name;
  for (const pair of (env.OTEL_RESOURCE_ATTRIBUTES ?? '').split(',')) {
    const [key, ...rest] = pair.split('=');
    if (key?.trim() === 'service.name') return decode(rest.join('=').trim()) || undefined;
  }
  return undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
