import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { formatNumber } from '../state/figures.ts';
import { type Line, linesOf, stepInRows } from '../state/row-lines.ts';
import { useStore } from './context.ts';
import { EmptyState } from './empty-state.tsx';
import { NestedLine, RowLine } from './row-line.tsx';
import { LINE_PX, useVirtualLines } from './virtual-lines.ts';

const PHONE_LINE_PX = 48;
const phone = matchMedia('(max-width: 700px)');
const still = matchMedia('(prefers-reduced-motion: reduce)');
/** Activities a second up to which each new row fades in; beyond, nobody can follow single rows. */
const CALM_RATE_MAX = 20;

export function LiveView() {
  const store = useStore();
  const scroller = useRef<HTMLDivElement>(null);
  const focused = useSignal<string | undefined>(undefined);
  const linePx = phone.matches ? PHONE_LINE_PX : LINE_PX;
  const { first, end, scrollTo } = useVirtualLines(scroller, linePx);
  const pause = store.pause.value;
  // Whoever scrolls has paused.
  const { count, lines } = linesOf(store.rows.value, first, end, pause === undefined);
  useRowKeys(focused, scrollTo);
  const onScroll = (): void => {
    const top = scroller.current?.scrollTop ?? 0;
    if (top > LINE_PX) store.pauseRows('scroll');
    else if (store.pause.peek()?.by === 'scroll') store.resumeRows();
  };
  const isCalm = pause === undefined && !still.matches && store.rates.peek().rate <= CALM_RATE_MAX;
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
        {count === 0 ? (
          <EmptyState />
        ) : (
          <div class="lines" style={{ height: `${count * linePx}px` }}>
            {lines.map((line, offset) => (
              <PlacedLine
                key={keyOf(line)}
                line={line}
                topPx={(first + offset) * linePx}
                isCalm={isCalm}
                focused={focused}
              />
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
    </main>
  );
}

function keyOf(line: Line): string {
  if ('now' in line) return 'now';
  return line.nested === undefined ? line.row.key : `${line.row.key}/${line.nested}`;
}

interface PlacedLineProps {
  line: Line;
  topPx: number;
  isCalm: boolean;
  focused: Signal<string | undefined>;
}

function PlacedLine({ line, topPx, isCalm, focused }: PlacedLineProps) {
  const store = useStore();
  if ('now' in line) {
    return (
      <div class="line now-line" style={{ transform: `translateY(${topPx}px)` }}>
        now
      </div>
    );
  }
  const { row, nested } = line;
  const { key, revision } = row;
  if (nested !== undefined) return <NestedLine row={row} revision={revision} index={nested} topPx={topPx} />;
  const open = (): void => {
    focused.value = key;
    store.selection.value = { type: 'row', key, tab: 'story' };
  };
  const isFocused = focused.value === key;
  return <RowLine {...{ row, revision, isFocused, topPx, isCalm }} onOpen={open} />;
}

/** `j k` and arrows move, `Enter` opens. */
function useRowKeys(focused: Signal<string | undefined>, scrollTo: (index: number) => void): void {
  const store = useStore();
  const scroll = useRef(scrollTo);
  scroll.current = scrollTo;
  useEffect(() => {
    const select = (key: string): void => {
      store.selection.value = { type: 'row', key, tab: 'story' };
    };
    const move = (event: Event): void => {
      const { detail } = event as CustomEvent<'up' | 'down' | 'open'>;
      const at = focused.peek();
      if (detail === 'open') {
        if (at !== undefined && store.row(at) !== undefined) select(at);
        return;
      }
      const next = stepInRows(store.rows.peek(), at, detail === 'down' ? 1 : -1);
      if (next === undefined) return;
      focused.value = next.key;
      scroll.current(next.line);
      if (store.selection.peek()?.type === 'row') select(next.key);
    };
    addEventListener('livespan:move', move);
    return () => removeEventListener('livespan:move', move);
  }, [store, focused]);
}
