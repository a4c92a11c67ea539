import fc from 'fast-check';
import {
  type Activity,
  type AttributeValue,
  KINDS,
  SEVERITIES,
  SPAN_KINDS,
  STATUSES,
} from '../../src/activity/activity.ts';
import { formatTimeUs } from '../../src/activity/time.ts';

const hex = (length: number) =>
  fc.bigInt({ min: 1n, max: 16n ** BigInt(length) - 1n }).map((value) => value.toString(16).padStart(length, '0'));

const text = fc.string({ unit: 'binary', maxLength: 40 });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

const attributeValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  text,
  finite,
  fc.boolean(),
  fc.array(text, { maxLength: 4 }),
  fc.array(finite, { maxLength: 4 }),
  fc.array(fc.boolean(), { maxLength: 4 }),
);

const optional = {
  summary: text,
  service: text,
  instance: text,
  callId: text,
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: hex(16),
  sampled: fc.constant(false as const),
  spanKind: fc.constantFrom(...SPAN_KINDS),
  status: fc.constantFrom(...STATUSES),
  statusMessage: text,
  durationMs: fc.integer({ min: 0, max: 1e9 }).map((us) => us / 1_000),
  scope: text,
  eventCount: fc.nat(),
  droppedEvents: fc.nat(),
};

/** Every activity that the contract allows, in its order of members. */
export const anyActivity: fc.Arbitrary<Activity> = fc
  .record(
    {
      id: fc.uuid({ version: 7 }),
      kind: fc.constantFrom(...KINDS),
      name: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      time: fc.maxSafeNat().map(formatTimeUs),
      severity: fc.constantFrom(...SEVERITIES),
      ...optional,
      attributes: fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), attributeValue, {
        maxKeys: 8,
        noNullPrototype: true,
      }),
    },
    { requiredKeys: ['id', 'kind', 'name', 'time', 'severity', 'attributes'], noNullPrototype: true },
  )
  .map((activity) => activity as Activity);

export const AN_ACTIVITY: Activity = {
  id: '01997b5e-3a6c-7c1e-b2a4-5d1f0a9e77c2',
  kind: 'event',
  name: 'gateway.request_received',
  time: '2026-11-21T00:22:37.123456Z',
  severity: 'info',
  summary: 'Request received: gpt-4o (stream=true)',
  service: 'gateway',
  instance: 'gw-7c9f:4711-e1a0',
  callId: 'call-123',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  attributes: { 'gen_ai.request.model': 'gpt-4o', stream: true },
};
