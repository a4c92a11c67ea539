import { randomBytes } from 'node:crypto';
import type { Activity } from '../activity/activity.ts';

export interface InstanceNotice {
  name: 'livespan.instance_lost' | 'livespan.instance_back';
  instance: string;
  service: string | undefined;
  nowMs: number;
  /** How long the instance had been silent when it was found lost, and the silence that counts as lost. */
  silence?: { ms: number; limitMs: number };
}

/** A notice that the log itself writes about an instance, as JSON. The Lua side composes the same members. */
export function instanceNotice({ name, instance, service, nowMs, silence }: InstanceNotice): string {
  const activity: Activity = {
    id: uuidv7(nowMs),
    kind: 'notice',
    name,
    time: new Date(nowMs).toISOString().replace('Z', '000Z'),
    severity: 'warn',
    summary:
      silence === undefined
        ? `Instance ${instance} shows life again`
        : `Instance ${instance} is lost: no sign of life for ${silence.limitMs} ms`,
    ...(service === undefined ? {} : { service }),
    instance,
    attributes: { 'livespan.instance': instance, ...(silence && { 'livespan.silent_ms': silence.ms }) },
  };
  return JSON.stringify(activity);
}

/** RFC 9562, section 5.7: 48 bits of milliseconds, then random bits. */
function uuidv7(ms: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(ms, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
