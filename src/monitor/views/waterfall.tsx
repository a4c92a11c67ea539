import { useSignal } from '@preact/signals';
import { formatDuration, formatOffset } from '../state/figures.ts';
import type { SpanRow, TraceNode } from '../state/model.ts';
import { isError, timeUsOf } from '../state/span-row.ts';
import { layOutTrace } from '../state/trace-tree.ts';
import { useStore } from './context.ts';
import { Glyph } from './glyph.tsx';

/** One trace on one time axis, which grows while anything runs. */
export function Waterfall({ traceId }: { traceId: string }) {
  const store = useStore();
  const folded = useSignal<ReadonlySet<string>>(new Set());
  const search = useSignal('');
  const trace = store.trace(traceId);
  if (trace === undefined) return <p class="muted">Nothing of this trace is held by the page.</p>;
  const nowUs = trace.runningCount > 0 ? Math.max(store.nowMs.value * 1_000, trace.endUs) : trace.endUs;
  const totalUs = Math.max(1_000, nowUs - trace.startUs);
  const share = (us: number): number => Math.min(100, Math.max(0, ((us - trace.startUs) / totalUs) * 100));
  const wanted = search.value.toLowerCase();
  const nodes = visible(layOutTrace(trace, nowUs), folded.value);
  return (
    <section class="waterfall" aria-label={`Trace ${traceId}`}>
      <p class="waterfall-head">
        <code>{traceId}</code> {formatDuration(totalUs / 1_000)} · {trace.spans.size} spans
        {trace.droppedSpans > 0 ? ` (${trace.droppedSpans} more not held)` : ''}
        <input
          type="search"
          aria-label="Search in the trace"
          placeholder="Search in the trace"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
          }}
        />
      </p>
      <ol>
        {nodes.map((node) => {
          const isFound = wanted !== '' && node.span?.name.toLowerCase().includes(wanted) === true;
          return (
            <li
              key={node.spanId}
              class={`${isFound ? 'is-found ' : ''}${node.isCritical ? 'is-critical ' : ''}span-${node.span?.state ?? 'placeholder'}`}
            >
              <SpanName node={node} folded={folded} />
              <span class="waterfall-lane">
                {node.span !== undefined && (
                  <Bar span={node.span} nowUs={nowUs} share={share} startUs={trace.startUs} />
                )}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** Indented by its depth, with the fold of what hangs below it. */
function SpanName({ node, folded }: { node: TraceNode; folded: { value: ReadonlySet<string> } }) {
  const store = useStore();
  const { span, spanId } = node;
  return (
    <span class="waterfall-name" style={{ paddingLeft: `${Math.min(12, node.depth) * 12}px` }}>
      {node.childCount > 0 ? (
        <button
          type="button"
          class="quiet fold"
          aria-expanded={!folded.value.has(spanId)}
          aria-label={`Fold ${span?.name ?? 'parent'}`}
          onClick={() => fold(folded, spanId)}
        >
          {folded.value.has(spanId) ? '+' : '−'}
        </button>
      ) : (
        <i class="fold" />
      )}
      {span === undefined ? (
        <em>parent {spanId.slice(0, 8)} has not arrived</em>
      ) : (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            store.selection.value = { type: 'row', key: span.key, tab: 'story' };
          }}
        >
          <Glyph name={span.state} label={span.state} /> {span.name}
        </button>
      )}
    </span>
  );
}

function Bar({
  span,
  nowUs,
  share,
  startUs,
}: {
  span: SpanRow;
  nowUs: number;
  share: (us: number) => number;
  startUs: number;
}) {
  const endUs = span.endUs ?? (span.state === 'running' ? nowUs : span.startUs);
  const left = share(span.startUs);
  const title = `${formatOffset((span.startUs - startUs) / 1_000)}, ${formatDuration((endUs - span.startUs) / 1_000)}`;
  return (
    <>
      <i
        class="waterfall-bar"
        title={title}
        style={{ left: `${left}%`, width: `${Math.max(0.4, share(endUs) - left)}%` }}
      />
      {span.nested.map(({ cursor, activity }) => (
        <i
          key={cursor}
          class={`tick${isError(activity) ? ' is-error' : ''}`}
          title={`${formatOffset((timeUsOf(activity) - startUs) / 1_000)} ${activity.summary ?? activity.name}`}
          style={{ left: `${share(timeUsOf(activity))}%` }}
        />
      ))}
      <b class={share(endUs) > 82 ? 'is-inside' : ''} style={share(endUs) > 82 ? {} : { left: `${share(endUs)}%` }}>
        {formatDuration((endUs - span.startUs) / 1_000)}
      </b>
    </>
  );
}

function fold(folded: { value: ReadonlySet<string> }, spanId: string): void {
  const next = new Set(folded.value);
  if (!next.delete(spanId)) next.add(spanId);
  folded.value = next;
}

function visible(nodes: readonly TraceNode[], folded: ReadonlySet<string>): TraceNode[] {
  const shown: TraceNode[] = [];
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index];
    if (node === undefined) continue;
    shown.push(node);
    if (folded.has(node.spanId)) index += node.descendantCount;
  }
  return shown;
}
