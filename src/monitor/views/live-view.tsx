import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { formatNumber } from '../state/figures.ts';
import type { Row, RowList } from '../state/model.ts';
import { useMonitor, useStore } from './context.ts';
import { EmptyState } from './empty-state.tsx';
import { NestedLine, RowLine } from './row-line.tsx';
import { LINE_PX, useVirtualLines } from './virtual-lines.ts';

/** Nested lines under a row that runs or failed; the drawer has all of them. */
const NESTED_SHOWN = 2;
const PHONE_LINE_PX = 48;

type Line = { row: Row; nested?: number } | { now: true };

/** Rows with their newest nested entries below them, and the line between what runs and what is over. */
export function linesOf(rows: RowList): Line[] {
  const lines: Line[] = [];
  for (let index = 0; index < rows.count; index++) {
    if (index === rows.runningCount && index > 0) lines.push({ now: true });
    const row = rows.at(index);
    if (row === undefined) continue;
    lines.push({ row });
    if (row.type !== 'span' || (row.state === 'ok' && row.nestedErrorCount === 0)) continue;
    for (let nested = Math.max(0, row.nested.length - NESTED_SHOWN); nested < row.nested.length; nested++)
      lines.push({ row, nested });
  }
  return lines;
}

export function LiveView() {
  const monitor = useMonitor();
  const store = useStore();
  const scroller = useRef<HTMLDivElement>(null);
  const focused = useSignal<string | undefined>(undefined);
  const linePx = matchMedia('(max-width: 700px)').matches ? PHONE_LINE_PX : LINE_PX;
  const lines = linesOf(store.rows.value);
  const { first, end, totalPx, scrollTo } = useVirtualLines(lines.length, scroller, linePx);
  useRowKeys(lines, focused, scrollTo);
  const onScroll = (): void => {
    const top = scroller.current?.scrollTop ?? 0;
    if (top > LINE_PX) store.pauseRows('scroll');
    else if (store.pause.peek()?.by === 'scroll') store.resumeRows();
  };
  const pause = store.pause.value;
  return (
    <main class="live" id="view">
      <div
        class="scroller"
        ref={scroller}
        onScroll={onScroll}
        role="log"
        aria-live="off"
        aria-label="Activity, newest first"
      >
        {lines.length === 0 ? (
          <EmptyState />
        ) : (
          <div class="lines" style={{ height: `${totalPx}px` }}>
            {lines.slice(first, end).map((line, offset) => (
              <PlacedLine key={keyOf(line)} line={line} topPx={(first + offset) * linePx} focused={focused} />
            ))}
          </div>
        )}
      </div>
      {pause !== undefined && (
        <button
          type="button"
          class="follow"
          onClick={() => {
            store.resumeRows();
            scroller.current?.scrollTo({ top: 0 });
          }}
        >
          ↑ {formatNumber(pause.newCount)} new · G to follow
        </button>
      )}
      <output class="sr-only">{monitor.store.connection.value.state}</output>
    </main>
  );
}

function keyOf(line: Line): string {
  if ('now' in line) return 'now';
  return line.nested === undefined ? line.row.key : `${line.row.key}/${line.nested}`;
}

function PlacedLine({ line, topPx, focused }: { line: Line; topPx: number; focused: Signal<string | undefined> }) {
  const store = useStore();
  const place = { transform: `translateY(${topPx}px)` };
  if ('now' in line) {
    return (
      <div class="line now-line" style={place}>
        now
      </div>
    );
  }
  const { row } = line;
  if (line.nested !== undefined) return <NestedLine row={row} index={line.nested} place={place} />;
  return (
    <RowLine
      row={row}
      revision={row.revision}
      nowMs={row.type === 'span' && row.state === 'running' ? store.nowMs.value : 0}
      isFocused={focused.value === row.key}
      place={place}
      onOpen={() => {
        focused.value = row.key;
        store.selection.value = { type: 'row', key: row.key, tab: 'story' };
      }}
    />
  );
}

/** `j k` and arrows move, `Enter` opens. */
function useRowKeys(
  lines: readonly Line[],
  focused: { value: string | undefined },
  scrollTo: (index: number) => void,
): void {
  const store = useStore();
  const now = useRef(lines);
  now.current = lines;
  useEffect(() => {
    const move = (event: Event): void => {
      const { detail } = event as CustomEvent<'up' | 'down' | 'open'>;
      const places = now.current.flatMap((line, index) =>
        'row' in line && line.nested === undefined ? [{ key: line.row.key, index }] : [],
      );
      const at = places.findIndex(({ key }) => key === focused.value);
      if (detail === 'open') {
        const row = places[at];
        if (row !== undefined) store.selection.value = { type: 'row', key: row.key, tab: 'story' };
        return;
      }
      const next = places[Math.min(places.length - 1, Math.max(0, at + (detail === 'down' ? 1 : -1)))];
      if (next === undefined) return;
      focused.value = next.key;
      scrollTo(next.index);
      if (store.selection.peek()?.type === 'row') store.selection.value = { type: 'row', key: next.key, tab: 'story' };
    };
    addEventListener('livespan:move', move);
    return () => removeEventListener('livespan:move', move);
  }, [store, focused, scrollTo]);
}
