import '../styles/waterfall.css';
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { notHeldOf } from '../state/copy-texts.ts';
import { formatCount, formatDuration } from '../state/figures.ts';
import type { Trace, TraceNode } from '../state/model.ts';
import { titleOf } from '../state/span-row.ts';
import { findInTrace, layOutTrace, withoutFolded } from '../state/trace-tree.ts';
import { rootOf } from '../state/traces.ts';
import { useStore } from './context.ts';
import { NotHeld } from './not-held.tsx';
import { useVirtualLines } from './virtual-lines.ts';
import { WaterfallLine } from './waterfall-line.tsx';

const LINE_PX = 26;

/** One trace on one time axis, which grows while anything runs; below its name `children`. */
export function Waterfall({ traceId, children }: { traceId: string; children?: ComponentChildren }) {
  const store = useStore();
  const { search, folded } = store;
  const trace = store.trace(traceId);
  if (trace === undefined) {
    return (
      <>
        <NotHeld what="trace" />
        {children}
      </>
    );
  }
  const nowUs = trace.runningCount > 0 ? Math.max(store.nowMs.value * 1_000, trace.endUs) : trace.endUs;
  const all = layOutTrace(trace, nowUs);
  const found = findInTrace(all, search.value);
  return (
    <section class="waterfall" aria-label={`Trace ${traceId}`}>
      <WaterfallHead trace={trace} nowUs={nowUs} />
      {children}
      <WaterfallLines
        nodes={withoutFolded(all, folded.value, found)}
        found={found}
        onFold={(spanId) => fold(folded, spanId, all)}
        folded={folded.value}
        search={search}
        axis={{ startUs: trace.startUs, nowUs, totalUs: Math.max(1_000, nowUs - trace.startUs) }}
      />
    </section>
  );
}

function WaterfallHead({ trace, nowUs }: { trace: Trace; nowUs: number }) {
  const root = rootOf(trace);
  const notHeld = [...trace.spans.values()].reduce((sum, span) => sum + notHeldOf(span), 0);
  return (
    <>
      {root !== undefined && <h2>{titleOf(root)}</h2>}
      <p class="muted">
        {formatDuration((nowUs - trace.startUs) / 1_000)} · {formatCount(trace.spans.size, 'span')}
        {trace.droppedSpans > 0 ? ` (${trace.droppedSpans} more not held)` : ''}
        {notHeld > 0 ? ` · ${formatCount(notHeld, 'event')} not held` : ''}
        {trace.errorCount > 0 ? ` · ${formatCount(trace.errorCount, 'error')}` : ''} · <code>{trace.traceId}</code>
      </p>
    </>
  );
}

interface LinesProps {
  nodes: readonly TraceNode[];
  found: ReadonlySet<string>;
  folded: ReadonlySet<string>;
  onFold: (spanId: string) => void;
  search: Signal<string>;
  axis: { startUs: number; nowUs: number; totalUs: number };
}

function WaterfallLines({ nodes, found, folded, onFold, search, axis }: LinesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const { first, end, scrollTo } = useVirtualLines(scroller, LINE_PX);
  const shownAt = useRef(-1);
  const goTo = (step: 1 | -1): void => {
    const places = nodes.flatMap(({ spanId }, index) => (found.has(spanId) ? [index] : []));
    const after = places.findIndex((index) => index > shownAt.current);
    const before = places.findLastIndex((index) => index < shownAt.current);
    const next = step === 1 ? places[Math.max(0, after)] : places.at(before);
    if (next === undefined) return;
    shownAt.current = next;
    scrollTo(next);
  };
  return (
    <>
      <p class="waterfall-search">
        <input
          type="search"
          aria-label="Search in the trace"
          placeholder="Search in the trace"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
            shownAt.current = -1;
          }}
          onKeyDown={(event) => event.key === 'Enter' && goTo(event.shiftKey ? -1 : 1)}
        />{' '}
        {search.value.trim() !== '' && <span role="status">{formatCount(found.size, 'span')} found · Enter: next</span>}
      </p>
      <div class="waterfall-lines" ref={scroller}>
        <ol style={{ height: `${nodes.length * LINE_PX}px` }}>
          {nodes.slice(first, end).map((node, offset) => (
            <WaterfallLine
              key={node.spanId}
              node={node}
              topPx={(first + offset) * LINE_PX}
              isFound={found.has(node.spanId)}
              isFolded={folded.has(node.spanId)}
              onFold={onFold}
              axis={axis}
            />
          ))}
        </ol>
      </div>
    </>
  );
}

/** What was folded in a trace before is forgotten with the first fold in this one. */
function fold(folded: Signal<ReadonlySet<string>>, spanId: string, nodes: readonly TraceNode[]): void {
  const next = new Set(nodes.flatMap((node) => (folded.value.has(node.spanId) ? [node.spanId] : [])));
  if (!next.delete(spanId)) next.add(spanId);
  folded.value = next;
}
