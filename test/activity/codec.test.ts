import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import { checkActivity, decodeActivity, encodeActivity, splitCursor, withCursor } from '../../src/activity/codec.ts';
import { cases } from '../support/cases.ts';
import { AN_ACTIVITY, anyActivity } from './arbitraries.ts';

const CONTRACT_JSON =
  '{"id":"01997b5e-3a6c-7c1e-b2a4-5d1f0a9e77c2","kind":"event","name":"gateway.request_received",' +
  '"time":"2026-11-21T00:22:37.123456Z","severity":"info","summary":"Request received: gpt-4o (stream=true)",' +
  '"service":"gateway","instance":"gw-7c9f:4711-e1a0","callId":"call-123","traceId":"4bf92f3577b34da6a3ce929d0e0e4736",' +
  '"spanId":"00f067aa0ba902b7","attributes":{"gen_ai.request.model":"gpt-4o","stream":true}}';

describe('encoding', () => {
  it('writes the members in the order of the contract, whatever the order of the object', () => {
    expect(encodeActivity(AN_ACTIVITY)).toBe(CONTRACT_JSON);
    const reversed = Object.fromEntries(Object.entries(AN_ACTIVITY).reverse()) as unknown as Activity;
    expect(encodeActivity({ ...reversed, sizeBytes: 7 } as Activity)).toBe(CONTRACT_JSON);
  });

  it('is undone by decoding, for every activity there is', () => {
    fc.assert(
      fc.property(anyActivity, (activity) => {
        const decoded = decodeActivity(encodeActivity(activity));
        expect(decoded).toEqual({ ok: true, activity });
        if (decoded.ok) expect(encodeActivity(decoded.activity)).toBe(encodeActivity(activity));
      }),
      cases(300),
    );
  });
});

describe('decoding', () => {
  it.each([
    ['id', 'abc'],
    ['id', '01997B5E-3A6C-7C1E-B2A4-5D1F0A9E77C2'],
    ['id', '01997b5e-3a6c-4c1e-b2a4-5d1f0a9e77c2'],
    ['kind', 'span'],
    ['name', ''],
    ['name', 5],
    ['time', '2026-11-21T00:22:37Z'],
    ['time', 1],
    ['severity', 'INFO'],
    ['summary', null],
    ['callId', 7],
    ['traceId', '0'.repeat(32)],
    ['traceId', '4BF92F3577B34DA6A3CE929D0E0E4736'],
    ['spanId', '0'.repeat(16)],
    ['parentSpanId', 'xyz'],
    ['sampled', true],
    ['spanKind', 'SERVER'],
    ['status', 'fine'],
    ['durationMs', -1],
    ['durationMs', '5'],
    ['eventCount', 1.5],
    ['droppedEvents', -1],
    ['attributes', []],
    ['attributes', null],
    ['attributes', { a: null }],
    ['attributes', { a: { b: 1 } }],
    ['attributes', { a: [1, 'x'] }],
    ['attributes', { a: [[1]] }],
    ['attributes', { a: Number.NaN }],
  ])('says that %s must not be %j', (field, value) => {
    const result = checkActivity({ ...AN_ACTIVITY, [field]: value });
    expect(result.ok).toBe(false);
    expect(!result.ok && result.reason).toMatch(new RegExp(`^${field}: `));
  });

  it.each(['id', 'kind', 'name', 'time', 'severity', 'attributes'])('says that %s is missing', (field) => {
    const { [field]: _, ...rest } = { ...AN_ACTIVITY } as Record<string, unknown>;
    expect(checkActivity(rest)).toEqual({ ok: false, reason: expect.stringMatching(new RegExp(`^${field}: missing`)) });
  });

  it('leaves out what the contract does not know, and takes nothing from a prototype', () => {
    expect(checkActivity({ cursor: '1-1', ...AN_ACTIVITY, more: 1 })).toEqual({ ok: true, activity: AN_ACTIVITY });
    const { severity, ...rest } = AN_ACTIVITY;
    expect(checkActivity(Object.assign(Object.create({ severity }), rest)).ok).toBe(false);
  });

  it('keeps __proto__ as plain data', () => {
    const decoded = decodeActivity(CONTRACT_JSON.replace('"stream":true', '"__proto__":"x"'));
    if (!decoded.ok) throw new Error(decoded.reason);
    expect(Object.keys(decoded.activity.attributes)).toEqual(['gen_ai.request.model', '__proto__']);
    expect(encodeActivity(decoded.activity)).toContain('"__proto__":"x"');
    expect(Object.getPrototypeOf(decoded.activity.attributes)).toBe(Object.prototype);
  });

  it('never throws on foreign text, and never quotes a value', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.json(),
          fc.uint8Array().map((b) => Buffer.from(b).toString('latin1')),
        ),
        (text) => {
          expect(decodeActivity(text).ok).toBe(false);
        },
      ),
      cases(300),
    );
    const result = decodeActivity(CONTRACT_JSON.replace('"event"', '"hunter2"'));
    expect(!result.ok && result.reason).not.toContain('hunter2');
  });

  it('never throws on a mutated activity, and what it accepts is an activity', () => {
    fc.assert(
      fc.property(
        anyActivity,
        fc.nat(),
        fc.string({ unit: 'binary', maxLength: 3 }),
        fc.nat({ max: 4 }),
        (activity, seed, insert, cut) => {
          const json = encodeActivity(activity);
          const at = seed % json.length;
          const result = decodeActivity(json.slice(0, at) + insert + json.slice(at + cut));
          if (result.ok) expect(checkActivity(JSON.parse(encodeActivity(result.activity))).ok).toBe(true);
          else expect(result.reason).not.toBe('');
        },
      ),
      cases(500),
    );
  });

  it('survives hostile objects and bounds what it looks at', () => {
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    expect(checkActivity(revoked.proxy).ok).toBe(false);
    expect(checkActivity({ ...AN_ACTIVITY, attributes: revoked.proxy }).ok).toBe(false);
    expect(decodeActivity('x'.repeat(5_000_000))).toEqual({ ok: false, reason: expect.stringContaining('longer') });
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`k${index}`, 1]));
    expect(checkActivity({ ...AN_ACTIVITY, attributes: many }).ok).toBe(false);
  });
});

describe('the cursor in front', () => {
  it('is the first member and comes off again', () => {
    const json = encodeActivity(AN_ACTIVITY);
    const message = withCursor(json, '1732147357123-42');
    expect(JSON.parse(message)).toEqual({ cursor: '1732147357123-42', ...AN_ACTIVITY });
    expect(message.startsWith('{"cursor":"1732147357123-42","id":')).toBe(true);
    expect(splitCursor(message)).toEqual({ cursor: '1732147357123-42', json });
    expect(splitCursor(withCursor('{}', '1-1'))).toEqual({ cursor: '1-1', json: '{}' });
  });

  it.each([
    '',
    '{}',
    'hello',
    '{"id":1}',
    '{"cursor":"x","id":1}',
    '{"cursor":"1-1',
    '{"cursor":"1-1","id":1',
    '[{"cursor":"1-1"}]',
  ])('is not found in %j', (message) => expect(splitCursor(message)).toBeUndefined());
});
