import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInSteps } from '../../src/otlp/json-steps.ts';
import { JsonShapeError } from '../../src/otlp/json-values.ts';
import { cases } from '../support/cases.ts';

function parse(text: string): { value: unknown; steps: number } {
  const parsing = parseInSteps(text);
  for (let steps = 0; ; steps++) {
    const step = parsing.next();
    if (step.done === true) return { value: step.value, steps };
  }
}

/** Long enough that it is opened: what is small goes through JSON.parse as a whole. */
const PADDING = 'x'.repeat(70_000);

describe('JSON in steps', () => {
  it('is what JSON.parse reads, whatever is large', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('', ' \n\t'), fc.nat(3), (value, space, place) => {
        const padded = [
          [PADDING, value, { [PADDING]: value }],
          { first: value, __proto__x: PADDING, last: [value, [value, PADDING]] },
          { '': { value, padding: PADDING } },
          value,
        ][place];
        const text = space + JSON.stringify(padded, null, space) + space;
        expect(parse(text).value).toEqual(JSON.parse(text));
      }),
      cases(100, 5),
    );
  });

  it('refuses what JSON.parse refuses, and nothing else', () => {
    const base = JSON.stringify({ a: [1, { b: 'c\\"d', [PADDING]: [true, null, -1.5e3] }], e: 'f' });
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom('', '{', '}', '[', ']', '"', ',', ':', '\\', '0', 't', ' '),
        fc.nat(2),
        (at, text, cut) => {
          // Changes fall before or after the padding, where the structure is.
          const edge = base.length - PADDING.length;
          const position = at % edge < 20 ? at % edge : PADDING.length + (at % edge);
          const changed = base.slice(0, position) + text + base.slice(position + cut);
          let expected: unknown;
          try {
            expected = JSON.parse(changed);
          } catch {
            expect(() => parse(changed)).toThrow(JsonShapeError);
            return;
          }
          expect(parse(changed).value).toEqual(expected);
        },
      ),
      cases(400, 5),
    );
  });

  it('keeps a key named __proto__ to itself, and the last of two', () => {
    const text = `{"__proto__":{"polluted":1},"a":1,"a":2,"padding":"${PADDING}"}`;
    const value = parse(text).value as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__', 'a', 'padding']);
    expect(value.a).toBe(2);
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('takes a large request in steps that are small parts of the whole', () => {
    const spans = Array.from({ length: 5_000 }, (_, index) => ({
      name: `span ${index}`,
      attributes: [{ key: 'k', value: { intValue: String(index) } }],
    }));
    const text = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
    expect(text.length).toBeGreaterThan(300_000);
    const { value, steps } = parse(text);
    expect(value).toEqual(JSON.parse(text));
    expect(steps).toBeGreaterThan(4_000);
  });

  it('refuses nesting that would burn the stack', () => {
    expect(() => parse('['.repeat(200_000))).toThrow(JsonShapeError);
    expect(() => parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)).toThrow(JsonShapeError);
  });
});
