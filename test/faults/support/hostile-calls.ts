export interface HostileCall {
  what: string;
  name: string;
  given: unknown;
}

/** Data that an application may pass by mistake; every one must cost at most itself. */
export function hostileCalls(): HostileCall[] {
  const calls: HostileCall[] = Object.entries(hostileData()).map(([what, data]) => ({
    what,
    name: 'fault.hostile',
    given: { data },
  }));
  const changed: Record<string, unknown> = { value: 'before', nested: { value: 'before' }, list: ['before'] };
  calls.push({ what: 'changed after the call', name: 'fault.changed', given: { data: changed } });
  // Runs as an argument of the next call, that is after the one above.
  const next = {
    get data(): Record<string, unknown> {
      changed.value = 'after';
      (changed.nested as Record<string, unknown>).value = 'after';
      (changed.list as unknown[])[0] = 'after';
      return { fine: true };
    },
  };
  calls.push({ what: 'a getter with a side effect', name: 'fault.hostile', given: next });
  calls.push({ what: 'no name', name: undefined as unknown as string, given: {} });
  calls.push({ what: 'a symbol as name', name: Symbol('x') as unknown as string, given: {} });
  calls.push({ what: 'options that are null', name: 'fault.hostile', given: null });
  return calls;
}

function hostileData(): Record<string, unknown> {
  const cycle: Record<string, unknown> = { name: 'cycle' };
  cycle.self = cycle;
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const angry = (): never => {
    throw new Error('made up');
  };
  return {
    'a cycle': cycle,
    'getters that throw': { fine: 1, get: 2, ...Object.defineProperty({}, 'x', { enumerable: false, get: angry }) },
    'a getter that throws': Object.defineProperty({ fine: 1 }, 'bad', { enumerable: true, get: angry }),
    'a proxy that throws': new Proxy({}, { ownKeys: angry, get: angry, getPrototypeOf: angry, has: angry }),
    'a revoked proxy': revoked.proxy,
    'a proxy without end': new Proxy({}, { get: (_, key) => (typeof key === 'string' ? {} : undefined) }),
    '10 MB of text': { text: 'x'.repeat(10_000_000), wide: '😀'.repeat(2_500_000) },
    '10,000 keys': Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`key${index}`, index])),
    'lone surrogates': { text: 'a\ud800b', '\udc00key': '\udfff' },
    __proto__: JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
    'no numbers': { nan: Number.NaN, infinite: Number.POSITIVE_INFINITY, minus: Number.NEGATIVE_INFINITY, zero: -0 },
    'big integers': { big: 2n ** 200n, list: [1n, -2n] },
    symbols: { [Symbol('key')]: 1, value: Symbol('value') },
    'functions and holes': { run: angry, nothing: undefined, list: [undefined, angry, null] },
    'an angry toJSON': { toJSON: angry, fine: 1 },
    'a date that is none': { at: new Date(Number.NaN), map: new Map([[{}, 1]]), set: new Set([cycle]) },
    'line ends and controls': { text: 'a\nb\r\nc\u2028d\u0000e', '\n\ndata: forged': 'x' },
    'a depth of 10,000': deep(10_000),
    'bytes, errors, regular expressions': {
      bytes: new Uint8Array(9),
      error: new Error('x'),
      pattern: /x/,
      url: new URL('a:b'),
    },
  };
}

function deep(levels: number): unknown {
  let value: unknown = 'bottom';
  for (let level = 0; level < levels; level += 1) value = { value };
  return value;
}
