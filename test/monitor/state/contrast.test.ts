import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const TOKENS = readFileSync(join(import.meta.dirname, '../../../src/monitor/styles/tokens.css'), 'utf8');
/** What is written in; `ok` colours marks and bars alone. */
const TEXTS = ['ink', 'ink-2', 'run', 'warn', 'error', 'lost'];
const MARKS = ['focus', 'run', 'ok', 'warn', 'error', 'lost'];
const GROUNDS = ['paper', 'paper-2', 'hover'];

type Palette = Map<string, string>;

/** The properties in the first block that begins so. */
function paletteOf(opening: string): Palette {
  const [, rest] = TOKENS.split(`${opening} {`, 2);
  const block = rest?.slice(0, rest.indexOf('}')) ?? '';
  return new Map([...block.matchAll(/--([\w-]+): ([^;]+);/g)].map(([, name = '', value = '']) => [name, value]));
}

/** WCAG 2.2, "relative luminance". */
function luminanceOf(hex: string): number {
  if (!/^#[0-9a-f]{6}$/.test(hex)) throw new Error(`no colour: ${hex}`);
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrastOf(palette: Palette, name: string, ground: string): number {
  const colour = (of: string): string => {
    const value = palette.get(of) ?? `--${of} is missing`;
    const [, other] = /^var\(--([\w-]+)\)$/.exec(value) ?? [];
    return other === undefined ? value : colour(other);
  };
  const [high = 0, low = 0] = [luminanceOf(colour(name)), luminanceOf(colour(ground))].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

const light = paletteOf(':root');
const dark = paletteOf(':root[data-theme="dark"]');
const more = paletteOf(':root:root');

describe.each([
  ['light', light],
  ['dark', dark],
  ['light, with more contrast', new Map([...light, ...more])],
  ['dark, with more contrast', new Map([...dark, ...more])],
])('the colours: %s', (_title, palette) => {
  it.each(GROUNDS)('text is 4.5 : 1 and marks are 3 : 1 on %s', (ground) => {
    for (const name of TEXTS) expect(contrastOf(palette, name, ground), name).toBeGreaterThanOrEqual(4.5);
    for (const name of MARKS) expect(contrastOf(palette, name, ground), name).toBeGreaterThanOrEqual(3);
  });
});

describe('the colours', () => {
  it('are the same where the system is dark and where dark is chosen', () => {
    expect(paletteOf(':root:not([data-theme="light"])')).toEqual(dark);
    expect([...dark.keys()].sort()).toEqual([...light.keys()].sort());
    expect(dark.size).toBeGreaterThanOrEqual(12);
  });

  it('draw lines as strongly as text where more contrast is wanted', () => {
    expect(Object.fromEntries(more)).toEqual({ 'ink-2': 'var(--ink)', line: 'var(--ink)' });
    for (const palette of [light, dark]) {
      expect(contrastOf(new Map([...palette, ...more]), 'line', 'paper')).toBeGreaterThanOrEqual(4.5);
    }
  });
});
