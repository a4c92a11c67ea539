import { describe, expect, it } from 'vitest';
import { piecesOf } from '../../../src/monitor/feed/lines.ts';

const SIZE = 65_536;

describe('lines that come together', () => {
  it('go on in pieces of whole lines, nothing lost, none too large', () => {
    const lines = Array.from({ length: 5_000 }, (_, n) => `${n}${'x'.repeat((n * 37) % 500)}\n`);
    const pieces = [...piecesOf(lines.join(''))];
    expect(pieces.join('')).toBe(lines.join(''));
    expect(pieces.length).toBeGreaterThan(10);
    for (const piece of pieces) {
      expect(piece.endsWith('\n')).toBe(true);
      expect(piece.length).toBeLessThanOrEqual(SIZE);
    }
  });

  it('are left whole where they are few, and where one is longer than a piece', () => {
    expect([...piecesOf('')]).toEqual([]);
    expect([...piecesOf('a\nb\n')]).toEqual(['a\nb\n']);
    const long = `${'y'.repeat(2 * SIZE)}\n`;
    expect([...piecesOf(`a\n${long}${long}b\n`)]).toEqual(['a\n', long, long, 'b\n']);
    const exact = `${'z'.repeat(SIZE - 1)}\n`;
    expect([...piecesOf(exact + exact)]).toEqual([exact, exact]);
  });
});
