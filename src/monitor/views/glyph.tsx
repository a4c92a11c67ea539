import type { SpanState } from '../state/model.ts';

export type GlyphName = SpanState | 'pause' | 'search';

/** Small drawings on a 12-unit square; a shape of its own for each state, so that colour says nothing alone. */
const PATHS: Readonly<Record<GlyphName, string>> = {
  running: 'M6 1.5a4.5 4.5 0 1 1-4.5 4.5',
  started: 'M3.5 2v8L9.5 6z',
  ok: 'M2 6.5 4.8 9.2 10 3',
  error: 'M2.5 2.5l7 7M9.5 2.5l-7 7',
  lost: 'M6 1.5 11 10.5H1zM6 5v2.2M6 9v.2',
  pause: 'M4 2v8M8 2v8',
  search: 'M5 1.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M7.6 7.6 10.8 10.8',
};

export function Glyph({ name, label }: { name: GlyphName; label?: string }) {
  return (
    <>
      <svg class={`glyph glyph-${name}`} viewBox="0 0 12 12" aria-hidden="true">
        <path d={PATHS[name]} />
      </svg>
      {label !== undefined && <span class="sr-only">{label}</span>}
    </>
  );
}
