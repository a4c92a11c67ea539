import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Activity } from '../../src/activity/activity.ts';
import {
  compileFilter,
  FIELD_NAMES,
  type Filter,
  isAlwaysShown,
  parseFilter,
  printFilter,
} from '../../src/activity/filter.ts';
import { compileGlob } from '../../src/activity/glob.ts';
import { cases } from '../support/cases.ts';
import { AN_ACTIVITY, anyActivity } from './arbitraries.ts';

function parsed(text: string): Filter {
  const result = parseFilter(text);
  if (!result.ok) throw new Error(`${text}: column ${result.column}: ${result.message}`);
  return result.filter;
}

const passes = (text: string, over: Partial<Activity> = {}): boolean =>
  compileFilter(parsed(text))({ ...AN_ACTIVITY, ...over });

describe('a filter', () => {
  const span: Partial<Activity> = {
    kind: 'span.end',
    severity: 'error',
    durationMs: 750,
    status: 'error',
    scope: 'http',
    attributes: {
      'http.status_code': 503,
      'retry.after': '30',
      tags: ['a', 'Beta'],
      list: [1, 9],
      'odd key:x': 'y',
      star: '*',
    },
  };

  it.each([
    '',
    '  ',
    'service:gateway',
    'service:api,gateway',
    'service:g*y',
    'instance:gw-*',
    'severity:error',
    'severity:>=warn',
    'severity:>warn',
    'severity:<=error',
    'severity:<fatal',
    'severity:info,error',
    'severity:ERROR',
    'name:gateway.*',
    'name:gateway.request_received',
    'name:*received',
    'kind:span.end',
    'kind:span.*',
    'call:call-123',
    'call:*',
    'trace:4bf9*',
    'trace:4BF92F3577B34DA6A3CE929D0E0E4736',
    'span:00f067aa0ba902b7',
    'id:01997b5e*',
    'status:error',
    'scope:http',
    'sampled:true',
    'duration:>500ms',
    'duration:>=750ms',
    'duration:750',
    'duration:<1s',
    'duration:<1m',
    'duration:>700000us',
    'duration:<10ms,>700ms',
    'summary:"Request received: gpt-4o (stream=true)"',
    'summary:Request*',
    '@http.status_code:>=500',
    '@http.status_code:503',
    '@http.status_code:503.0',
    '@http.status_code:5*',
    '@retry.after:>=30',
    '@retry.after:<1e3',
    '@tags:a',
    '@tags:B*',
    '@list:>5',
    '@"odd key:x":y',
    '@star:"*"',
    '@tags:*',
    '-name:health',
    '-@missing:*',
    '-service:api,worker',
    'GPT-4O',
    '"request received: gpt"',
    'gate*received',
    'beta',
    'nowhere,gateway',
    '-nowhere',
    '-"no where"',
    'service:gateway severity:>=warn name:gateway.* call:call-123 trace:4bf9* kind:span.end duration:>500ms @http.status_code:>=500 -name:health "request"',
  ])('%s lets a span through', (text) => expect(passes(text, span)).toBe(true));

  it.each([
    'service:Gateway',
    'service:gate',
    'severity:>error',
    'severity:warn',
    'severity:<=warn',
    'name:gateway',
    'name:*.health',
    'kind:event',
    'call:call-12',
    'trace:4bf9',
    'status:ok',
    'sampled:false',
    'duration:>750ms',
    'duration:<750ms',
    '@http.status_code:>503',
    '@http.status_code:50',
    '@missing:*',
    '@missing:>0',
    '@toString:*',
    '@tags:>5',
    '@tags:b*',
    '-service:gateway',
    '-service:api,gateway',
    '-request',
    'nowhere',
    'service:gateway nowhere',
    'scope:*x',
  ])('%s keeps it away', (text) => expect(passes(text, span)).toBe(false));

  it('tells what is absent from what is empty', () => {
    expect(passes('duration:>0')).toBe(false);
    expect(passes('-duration:>0')).toBe(true);
    expect(passes('sampled:false', { sampled: false })).toBe(true);
    expect(passes('sampled:true', { sampled: false })).toBe(false);
    expect(passes('@a:""', { attributes: { a: '' } })).toBe(true);
    expect(passes('@a:>=0', { attributes: { a: '' } })).toBe(false);
    expect(passes('@a:0', { attributes: { a: '' } })).toBe(false);
    expect(passes('@a:true', { attributes: { a: true } })).toBe(true);
    expect(passes('@__proto__:*', { attributes: {} })).toBe(false);
  });
});

describe('what the system says about itself', () => {
  const notice: Partial<Activity> = { kind: 'notice', name: 'livespan.instance_lost' };
  it('passes every filter', () => {
    for (const text of [
      '',
      'service:none',
      'kind:event',
      '-kind:log',
      'nowhere',
      'severity:fatal',
      '-name:livespan.*',
    ]) {
      expect(passes(text, notice)).toBe(true);
      expect(passes(text, { ...notice, name: 'livespan.dropped' })).toBe(true);
    }
  });
  it('stays away on request only', () => {
    for (const text of ['-kind:notice', '-kind:log,notice', '-kind:not*', 'kind:event -kind:notice'])
      expect(passes(text, notice)).toBe(false);
  });
  it('is what livespan says, no notice else', () => {
    expect(isAlwaysShown({ ...AN_ACTIVITY, kind: 'notice', name: 'livespan.other' })).toBe(false);
    expect(isAlwaysShown({ ...AN_ACTIVITY, name: 'livespan.dropped' })).toBe(false);
    expect(passes('service:none', { kind: 'notice', name: 'deploy.done' })).toBe(false);
  });
});

describe('a mistake', () => {
  it.each<[string, number, RegExp]>([
    ['colour:red', 1, /unknown field "colour"; fields are service, instance, severity/],
    ['service:a colour:red', 11, /unknown field/],
    ['http://host', 1, /quoted/],
    [':x', 1, /unknown field ""/],
    ['constructor:x', 1, /unknown field/],
    ['service:', 9, /expected a value/],
    ['service: api', 9, /expected a value/],
    ['service:a,', 11, /expected a value/],
    ['service:,a', 9, /expected a value/],
    [',', 1, /expected a value/],
    ['-', 1, /after -/],
    ['a - b', 3, /after -/],
    ['severity:>=loud', 12, /one of trace, debug, info, warn, error, fatal/],
    ['severity:>=wa*', 12, /one of/],
    ['kind:span', 6, /one of event, span\.start/],
    ['status:bad', 8, /one of unset, ok, error/],
    ['sampled:maybe', 9, /true, false/],
    ['duration:>fast', 11, /500ms/],
    ['duration:>5h', 11, /units us, ms, s, m/],
    ['duration:', 10, /duration|value/],
    ['name:>x', 6, /name takes no >/],
    ['@', 2, /name of an attribute/],
    ['@:x', 2, /name of an attribute/],
    ['@key', 5, /expected : after @key; @key:\*/],
    ['@n:>=abc', 6, /expected a number after >=/],
    ['@n:>"5"', 5, /expected a number/],
    ['@n:>', 5, /expected a value/],
    ['"open', 1, /never closed/],
    ['name:"open', 6, /never closed/],
    ['name:"a"b', 9, /space or a comma/],
    ['name:a"b"', 7, /quote/],
    ['a"b', 2, /quote/],
    ['x'.repeat(2_001), 2_001, /longer than 2000/],
    ['a '.repeat(33), 65, /more than 32 terms/],
    [`name:${Array(33).fill('a').join(',')}`, 70, /more than 32 alternatives/],
  ])('in %j is at column %i', (text, column, message) => {
    expect(parseFilter(text)).toEqual({ ok: false, column, message: expect.stringMatching(message) });
  });

  it('never throws and always points into the text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('"', '\\', ',', ':', '@', '-', '*', ' ', '>=', '<', ...FIELD_NAMES.map((name) => `${name}:`)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const result = parseFilter(text);
        if (!result.ok) {
          expect(result.column).toBeGreaterThanOrEqual(1);
          expect(result.column).toBeLessThanOrEqual(text.length + 1);
        } else expect(parsed(printFilter(result.filter))).toEqual(result.filter);
      }),
      cases(2_000),
    );
  });
});

describe('printing', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('a b', '*', '>5', '"', '\\', '-x', '@x', 'a:b', 'a,b', ''),
  );
  const quoted = value.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
  const word = fc.stringMatching(/^[a-z.*_]{1,8}$/);
  const field = fc.constantFrom('service', 'instance', 'name', 'call', 'trace', 'span', 'scope', 'id', 'summary');
  const term = fc.oneof(
    fc
      .tuple(field, fc.array(fc.oneof(word, quoted), { minLength: 1, maxLength: 3 }))
      .map(([name, values]) => `${name}:${values.join(',')}`),
    fc
      .tuple(
        fc.oneof(
          word,
          quoted.filter((key) => key !== '""'),
        ),
        fc.oneof(word, quoted, fc.constantFrom('>5', '<=1e3', '>=-0.5')),
      )
      .map(([key, text]) => `@${key}:${text}`),
    fc.constantFrom(
      'severity:>=warn',
      'severity:INFO,fatal',
      'severity:w*',
      'kind:span.*',
      'status:ok',
      'sampled:false',
      'duration:>1.5s,<3us',
      'duration:7',
    ),
    word,
    quoted,
  );
  const text = fc
    .array(
      fc.tuple(fc.boolean(), term).map(([negated, one]) => (negated ? `-${one}` : one)),
      { maxLength: 8 },
    )
    .map((terms) => terms.join(' '));

  it('gives the same filter again, and the same answers', () => {
    fc.assert(
      fc.property(text, anyActivity, (source, activity) => {
        const filter = parsed(source);
        const printed = printFilter(filter);
        expect(parsed(printed)).toEqual(filter);
        expect(printFilter(parsed(printed))).toBe(printed);
        expect(compileFilter(parsed(printed))(activity)).toBe(compileFilter(filter)(activity));
      }),
      cases(1_000),
    );
  });

  it('is short where nothing needs quotes', () => {
    expect(printFilter(parsed('  service:"api"   -Free @"a.b":>5 severity:WARN '))).toBe(
      'service:api -free @a.b:>5 severity:warn',
    );
  });

  it('negation is the opposite, for all but the notices', () => {
    fc.assert(
      fc.property(term, anyActivity, (one, activity) => {
        fc.pre(!isAlwaysShown(activity));
        expect(compileFilter(parsed(`-${one}`))(activity)).toBe(!compileFilter(parsed(one))(activity));
      }),
      cases(300),
    );
  });
});

describe('a glob', () => {
  it('agrees with the regular expression it stands for', () => {
    const short = fc.stringMatching(/^[ab*]{0,8}$/);
    fc.assert(
      fc.property(short, fc.stringMatching(/^[ab]{0,10}$/), (pattern, text) => {
        expect(compileGlob(pattern)(text)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(text));
      }),
      cases(2_000),
    );
  });

  it('cannot be made slow', () => {
    const matches = compileFilter(parsed(`${'*a'.repeat(900)}b`));
    const hostile = { ...AN_ACTIVITY, attributes: { a: 'a'.repeat(60_000) } };
    const startMs = performance.now();
    for (let count = 0; count < 20; count += 1) expect(matches(hostile)).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });
});
