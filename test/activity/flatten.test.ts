import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../src/activity/activity.ts';
import { checkActivity } from '../../src/activity/codec.ts';
import { type Cuts, FLATTEN_LIMITS, type FlattenLimits, flatten, noCuts } from '../../src/activity/flatten.ts';
import { createRedactor } from '../../src/activity/redaction.ts';
import { cases } from '../support/cases.ts';
import { AN_ACTIVITY } from './arbitraries.ts';

const redactor = createRedactor([]);

function run(
  data: unknown,
  limits: Partial<FlattenLimits> = {},
): { attributes: Attributes; cuts: Partial<Cuts>; sizeBytes: number } {
  const counts = noCuts();
  const flattened = flatten(data, { limits: { ...FLATTEN_LIMITS, ...limits }, redactor, counts });
  const cuts = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  return { ...flattened, cuts };
}

const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe('what becomes of values', () => {
  it('leaves flat data as it is, and shares nothing with it', () => {
    const data = { 'gen_ai.request.model': 'gpt-4o', stream: true, bytes: 12 };
    const { attributes, cuts } = run(data);
    expect(attributes).toEqual(data);
    expect(cuts).toEqual({});
    data.bytes = 13;
    expect(attributes.bytes).toBe(12);
  });

  it('makes dotted keys of nested objects', () => {
    expect(run({ a: { b: { c: 1 }, 'd.e': 2 }, f: {} }).attributes).toEqual({ 'a.b.c': 1, 'a.d.e': 2 });
  });

  it.each<[string, unknown, unknown]>([
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an invalid Date', new Date(Number.NaN), 'Invalid Date'],
    ['a bigint', 2n ** 70n, '1180591620717411303424'],
    ['NaN', Number.NaN, 'NaN'],
    ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
    ['-Infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', 1],
        [2, { b: 3n }],
      ]),
      '{"a":1,"2":{"b":"3"}}',
    ],
    ['a Set', new Set<unknown>([1, 'x', [2]]), '[1,"x",[2]]'],
    ['a mixed array', [1, 'x', null, undefined, true], '[1,"x",null,null,true]'],
    ['an array of objects', [{ a: 1 }, { a: 2 }], '[{"a":1},{"a":2}]'],
    ['an array with NaN', [1, Number.NaN], '[1,"NaN"]'],
    ['an array of texts', ['a', 'b'], ['a', 'b']],
    ['an array of numbers', [1, 2.5], [1, 2.5]],
    ['an array of booleans', [true, false], [true, false]],
    ['an array of bigints', [1n, 2n], ['1', '2']],
    ['an empty array', [], []],
    ['a Buffer', Buffer.from('hello'), 'base64:aGVsbG8='],
    ['a Uint8Array', new Uint8Array([255]), 'base64:/w=='],
    ['an ArrayBuffer', new Uint8Array([1, 2]).buffer, 'base64:AQI='],
    ['a Float64Array', new Float64Array([0.5, 1]), [0.5, 1]],
    ['a boxed text', Object('abc'), 'abc'],
    ['something with toJSON', new URL('http://host/path'), 'http://host/path'],
    ['a lone surrogate', 'a\ud800b', 'a\ufffdb'],
  ])('%s', (_, value, expected) => expect(run({ value }).attributes).toEqual({ value: expected }));

  it('leaves out undefined, null, functions and symbols', () => {
    expect(run({ a: undefined, b: null, c: () => 1, d: Symbol('x'), e: 1 })).toMatchObject({
      attributes: { e: 1 },
      cuts: {},
    });
  });

  it('names an Error by the semantic conventions', () => {
    class QuotaError extends Error {}
    const { attributes } = run({ why: new QuotaError('used up'), step: 1 });
    expect(attributes).toEqual({
      'exception.type': 'QuotaError',
      'exception.message': 'used up',
      'exception.stacktrace': expect.stringContaining('flatten.test.ts'),
      step: 1,
    });
    expect(run(new TypeError('x')).attributes).toMatchObject({
      'exception.type': 'TypeError',
      'exception.message': 'x',
    });
    expect(run({ e: runInNewContext('new RangeError("far")') }).attributes).toMatchObject({
      'exception.type': 'RangeError',
    });
  });

  it('keeps a second Error apart', () => {
    const { attributes } = run({ first: new Error('1'), second: { cause: new TypeError('2') } });
    expect(attributes).toMatchObject({ 'exception.message': '1', 'second.cause.exception.message': '2' });
  });

  it('takes any data', () => {
    expect(run(undefined).attributes).toEqual({});
    expect(run(null).attributes).toEqual({});
    expect(run(() => 1).attributes).toEqual({});
    expect(run('text').attributes).toEqual({ data: 'text' });
    expect(run([1, 2]).attributes).toEqual({ data: [1, 2] });
    expect(run(new Map([['a', 1]])).attributes).toEqual({ data: '{"a":1}' });
    expect(run(Object.create(null, { a: { value: 1, enumerable: true } })).attributes).toEqual({ a: 1 });
  });

  it('says where a cycle is, and takes the same object twice', () => {
    const shared = { x: 1 };
    const data: Record<string, unknown> = { one: shared, two: shared };
    data.self = data;
    data.list = [data];
    expect(run(data).attributes).toEqual({ 'one.x': 1, 'two.x': 1, self: '[circular]', list: '["[circular]"]' });
  });
});

describe('keys', () => {
  it('__proto__ is plain data', () => {
    for (const text of ['{"__proto__":"x","a":1}', '{"__proto__":"x","a":{"b":1}}', '{"__proto__":[1],"a":null}']) {
      const { attributes } = run(JSON.parse(text));
      expect(Object.keys(attributes)).toContain('__proto__');
      expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype);
    }
    expect(run(JSON.parse('{"__proto__":{"polluted":true}}')).attributes).toEqual({ '__proto__.polluted': true });
    expect(run(JSON.parse('{"constructor":{"prototype":{"polluted":true}}}')).attributes).toEqual({
      'constructor.prototype.polluted': true,
    });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('of ours cannot be overridden', () => {
    const { attributes, cuts } = run({
      'livespan.id': 'mine',
      livespan: { direct: true },
      'event.severity': 'x',
      event: { summary: 'y', other: 1 },
      call: { id: 'z' },
    });
    expect(attributes).toEqual({ 'event.other': 1 });
    expect(cuts).toEqual({ reserved: 5 });
  });

  it('that are empty are left out, that are not well-formed are mended', () => {
    const { attributes, cuts } = run({ '': 1, 'a\ud800': 2, '\udc00password': 'x' });
    expect(attributes).toEqual({ 'a\ufffd': 2, '\ufffdpassword': '[redacted]' });
    expect(cuts).toEqual({ attributes: 1, redacted: 1 });
  });

  it('of symbols are not seen by anybody', () => {
    expect(JSON.stringify(run({ [Symbol('x')]: 1, a: 1 }).attributes)).toBe('{"a":1}');
  });
});

describe('redaction', () => {
  it('comes before everything else, however deep the secret is', () => {
    const secret = 'hunter2';
    const { attributes, cuts } = run({
      password: secret,
      headers: { authorization: secret, 'set-cookie': [secret], accept: '*/*' },
      list: [{ apiKey: secret, ok: 1 }],
      map: new Map([['token', secret]]),
      credentials: { user: 'u', nested: { pass: secret } },
      tokens: { input: 5, raw: secret },
      max_tokens: 100,
    });
    expect(JSON.stringify(attributes)).not.toContain(secret);
    expect(attributes).toMatchObject({
      password: '[redacted]',
      'headers.accept': '*/*',
      list: '[{"apiKey":"[redacted]","ok":1}]',
      map: '{"token":"[redacted]"}',
      credentials: '[redacted]',
      'tokens.input': 5,
      'tokens.raw': '[redacted]',
      max_tokens: 100,
    });
    expect(cuts).toEqual({ redacted: 7 });
  });

  it('counts once a secret on the fast path, too', () => {
    expect(run({ a: 1, password: 'x', input_tokens: 5 })).toMatchObject({
      attributes: { a: 1, password: '[redacted]', input_tokens: 5 },
      cuts: { redacted: 1 },
    });
  });
});

describe('limits', () => {
  it('cuts a text at 4 KiB of UTF-8, between two code points', () => {
    for (const [unit, size] of [
      ['a', 1],
      ['é', 2],
      ['€', 3],
      ['😀', 4],
    ] as const) {
      const { attributes, cuts } = run({ text: unit.repeat(5_000), list: [unit.repeat(5_000), 'x'] });
      const text = String(attributes.text);
      expect(Buffer.byteLength(text)).toBe(Math.floor(4_096 / size) * size);
      expect(unit.repeat(5_000).startsWith(text)).toBe(true);
      expect(attributes.list).toEqual([text, 'x']);
      expect(cuts).toEqual({ valueBytes: 2 });
    }
    expect(run({ text: '€'.repeat(1_365) }).cuts).toEqual({});
    expect(run({ text: '€'.repeat(1_366) }).cuts).toEqual({ valueBytes: 1 });
  });

  it('keeps the first 124 attributes and counts the others', () => {
    const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]));
    const { attributes, cuts } = run(wide);
    expect(Object.keys(attributes)).toEqual(Object.keys(wide).slice(0, 124));
    expect(cuts).toEqual({ attributes: 9_876 });
    expect(run({ a: 1, b: { c: 2, d: 3 } }, { attributesMax: 2 })).toMatchObject({
      attributes: { a: 1, 'b.c': 2 },
      cuts: { attributes: 1 },
    });
  });

  it('keeps an activity within 64 KiB', () => {
    const long = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, '\u0001'.repeat(1_000)]));
    const { attributes, cuts, sizeBytes } = run({ ...long, small: 1 });
    expect(bytes(attributes)).toBeLessThanOrEqual(65_536 - 512);
    expect(bytes(attributes)).toBeGreaterThan(50_000);
    expect(sizeBytes).toBeGreaterThanOrEqual(bytes(attributes));
    expect(attributes.small).toBe(1);
    expect(cuts).toEqual({ activityBytes: 101 - Object.keys(attributes).length });
  });

  it('stops at depth 8 and says so', () => {
    const { attributes, cuts } = run({ a: { b: { c: { d: { e: { f: { g: { h: { i: 1 }, x: 1 } } } } } } } });
    expect(attributes).toEqual({ 'a.b.c.d.e.f.g.h': '[truncated]', 'a.b.c.d.e.f.g.x': 1 });
    expect(cuts).toEqual({ depth: 1 });
  });

  it('does not keep 10 MB alive for 4 KiB', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    const kept = Array.from({ length: 20 }, (_, index) => run({ text: `${index % 10}`.repeat(5_000_000) }).attributes);
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20e6);
    expect(kept).toHaveLength(20);
  });
});

describe('hostile data', () => {
  const revoked = (): object => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const bomb = (): object =>
    new Proxy(
      {},
      {
        ownKeys: () => Array.from({ length: 50 }, (_, index) => `k${index}`),
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
        get: (_, key) => (key === 'toJSON' ? undefined : bomb()),
      },
    );
  const endless = {
    *[Symbol.iterator]() {
      for (;;) yield 1;
    },
  };

  it('loses only what cannot be read', () => {
    const data = {
      get getter(): never {
        throw new Error('no');
      },
      json: {
        toJSON() {
          throw new Error('no');
        },
      },
      proxy: revoked(),
      list: [1, revoked()],
      date: Object.assign(new Date(0), {
        toISOString() {
          throw new Error('no');
        },
      }),
      fine: 1,
    };
    const { attributes, cuts } = run(data);
    expect(attributes).toMatchObject({ getter: '[unreadable]', json: '[unreadable]', proxy: '[unreadable]', fine: 1 });
    expect(attributes.list).toBe('[1,"[unreadable]"]');
    expect(cuts.unreadable).toBe(5);
    expect(run(revoked())).toMatchObject({ attributes: { data: '[unreadable]' }, cuts: { unreadable: 1 } });
  });

  it.each<[string, () => unknown]>([
    ['10 MB of text', () => ({ text: 'x'.repeat(10_000_000) })],
    [
      '10,000 long texts',
      () => Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, 'ä'.repeat(5_000)])),
    ],
    ['a million numbers', () => ({ list: Array.from({ length: 1_000_000 }, (_, index) => index) })],
    ['an array of a billion holes', () => ({ list: new Array(1_000_000_000) })],
    [
      'a mixed array of a million',
      () => ({ list: Array.from({ length: 1_000_000 }, (_, index) => (index % 2 === 0 ? index : 'x')) }),
    ],
    ['a Set of a million', () => ({ set: new Set(Array.from({ length: 1_000_000 }, (_, index) => index)) })],
    ['100 MB of bytes', () => ({ bytes: new Uint8Array(100_000_000) })],
    ['a bigint of 300,000 digits', () => ({ big: 1n << 1_000_000n })],
    ['proxies without end', () => bomb()],
    [
      'an iterator without end',
      () => ({ map: Object.assign(new Map(), endless), list: Object.assign([1, 'x'], endless) }),
    ],
    ['a key of 10 MB', () => ({ ['k'.repeat(10_000_000)]: 1, a: 1 })],
  ])('%s takes a bounded time and gives a valid set', (_, make) => {
    const data = make();
    const startMs = performance.now();
    const { attributes } = run(data);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(checkActivity({ ...AN_ACTIVITY, attributes }).ok).toBe(true);
    expect(bytes(attributes)).toBeLessThanOrEqual(65_536);
  });
});

describe('for any data at all', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.double(),
    fc.boolean(),
    fc.bigInt(),
    fc.constantFrom(null, undefined, Symbol('s')),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 10 }),
    fc.func(fc.nat()),
    fc.string().map((message) => new Error(message)),
  );
  const { value: anything } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'password', 'livespan.id', 'tokens')),
        tie('value'),
        { maxKeys: 5 },
      ),
      fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
      fc.array(tie('value'), { maxLength: 4 }).map((list) => new Set(list)),
    ),
  }));

  it('the set survives JSON unchanged, is valid, flat and within its limits', () => {
    fc.assert(
      fc.property(
        anything,
        fc.record({
          attributesMax: fc.integer({ min: 1, max: 124 }),
          attributeBytesMax: fc.integer({ min: 16, max: 200 }),
        }),
        (data, limits) => {
          const { attributes, sizeBytes } = run(data, limits);
          const parsed: unknown = JSON.parse(JSON.stringify(attributes), (_, value) => value);
          expect(JSON.stringify(parsed)).toBe(JSON.stringify(attributes));
          expect(checkActivity({ ...AN_ACTIVITY, attributes })).toMatchObject({ ok: true });
          expect(Object.keys(attributes).length).toBeLessThanOrEqual(limits.attributesMax);
          for (const [key, value] of Object.entries(attributes)) {
            expect(key.isWellFormed() && key !== '' && !key.startsWith('livespan.')).toBe(true);
            for (const text of [value].flat()) {
              if (typeof text !== 'string') continue;
              expect(text.isWellFormed()).toBe(true);
              expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limits.attributeBytesMax);
            }
          }
          expect(sizeBytes).toBeGreaterThan(0);
        },
      ),
      cases(400),
    );
  });

  it('flattening what is flat changes nothing', () => {
    fc.assert(
      fc.property(anything, (data) => {
        const once = run(data).attributes;
        // A count that came as a bigint is text now, and text under such a key might be a token.
        for (const key of Object.keys(once)) if (redactor.decide(key) === 'count') delete once[key];
        expect(run(once).attributes).toEqual(once);
      }),
      cases(300),
    );
  });
});
