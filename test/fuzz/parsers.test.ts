import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeActivity, encodeActivity, splitCursor, withCursor } from '../../src/activity/codec.ts';
import { formatCursor, parseCursor } from '../../src/activity/cursor.ts';
import { parseSince } from '../../src/activity/since.ts';
import { anyActivity } from '../activity/arbitraries.ts';
import { cases } from '../support/cases.ts';

/** Texts that are nearly what a parser wants: the interesting ones are one character away. */
const digits = fc.stringMatching(/^\d{0,18}$/);
const near = fc
  .array(
    fc.oneof(
      digits,
      fc.constantFrom('-', ' ', '0', '.', 'e', '+', '١', '\n', '\0', 'm', 's', 'h', 'd', 'ms', 'T', 'Z', ':'),
      fc.string({ unit: 'binary', maxLength: 2 }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

describe('a cursor, read from any text', () => {
  it('is exactly what formatCursor writes, or none', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          near,
          fc.tuple(digits, digits).map(([ms, n]) => `${ms}-${n}`),
        ),
        (text) => {
          const position = parseCursor(text);
          const canonical = /^(0|[1-9]\d*)-(0|[1-9]\d*)$/.test(text);
          const written = canonical && text.split('-').every((part) => Number.isSafeInteger(Number(part)));
          expect(position !== undefined).toBe(written);
          if (position !== undefined) expect(formatCursor(position)).toBe(text);
        },
      ),
      cases(1_000),
    );
  });
});

describe('a starting point, read from any text', () => {
  const pieces = fc.oneof(
    near,
    fc.tuple(digits, fc.constantFrom('ms', 's', 'm', 'h', 'd', 'w', '')).map((parts) => parts.join('')),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10)),
  );

  it('is a position that can be written down again, or a sentence', () => {
    fc.assert(
      fc.property(pieces, fc.nat(), (text, nowMs) => {
        const since = parseSince(text, nowMs);
        if (since.ok) expect(parseCursor(formatCursor(since.position))).toEqual(since.position);
        else expect(since.message).not.toBe('');
      }),
      cases(1_000),
    );
  });
});

describe('a message, as it comes from the channel or the stream', () => {
  it('is taken apart into what it was made of', () => {
    const position = fc.record({ ms: fc.maxSafeNat(), n: fc.maxSafeNat() });
    fc.assert(
      fc.property(anyActivity, position, (activity, at) => {
        const json = encodeActivity(activity);
        const message = withCursor(json, formatCursor(at));
        expect(splitCursor(message)).toEqual({ cursor: formatCursor(at), json });
        expect(JSON.parse(message)).toEqual({ cursor: formatCursor(at), ...JSON.parse(json) });
      }),
      cases(300),
    );
  });

  it('may be any bytes: it is refused, never thrown', () => {
    const head = fc.constantFrom('', '{"cursor":"', '{"cursor":"1-1",', '{"cursor":"1-1","id":', '{"id":"', '[', '{');
    const bytes = fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array).toString('utf8'));
    fc.assert(
      fc.property(head, bytes, (start, noise) => {
        const split = splitCursor(start + noise);
        if (split !== undefined) expect(parseCursor(split.cursor)).toBeDefined();
        expect(decodeActivity(start + noise).ok).toBe(false);
      }),
      cases(1_000),
    );
  });
});
