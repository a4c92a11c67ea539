import type { Signal } from '@preact/signals';
import { formatDuration, formatOffset, formatTime } from '../state/figures.ts';
import type { Entry, SpanRow, TraceNode } from '../state/model.ts';
import { isError, sayingOf, timeUsOf, titleOf } from '../state/span-row.ts';
import { useStore } from './context.ts';
import { Glyph } from './glyph.tsx';

const INDENT_PX = 12;
const INDENTS_MAX = 12;
/** Labels of what lies further right open to the left. */
const RIGHT_SHARE = 55;

interface Axis {
  startUs: number;
  nowUs: number;
  totalUs: number;
}

export interface WaterfallLineProps {
  node: TraceNode;
  topPx: number;
  isFound: boolean;
  folded: Signal<ReadonlySet<string>>;
  axis: Axis;
}

/** One span: its name by its depth, and its bar on the common axis. */
export function WaterfallLine({ node, topPx, isFound, folded, axis }: WaterfallLineProps) {
  const { span, isCritical } = node;
  const kind = `span-${span?.state ?? 'placeholder'}${isFound ? ' is-found' : ''}${isCritical ? ' is-critical' : ''}`;
  return (
    <li class={kind} style={{ transform: `translateY(${topPx}px)` }}>
      <SpanName node={node} folded={folded} />
      <span class="waterfall-lane">{span !== undefined && <Bar span={span} axis={axis} />}</span>
    </li>
  );
}

/** Indented by its depth, with the fold of what hangs below it. */
function SpanName({ node, folded }: { node: TraceNode; folded: Signal<ReadonlySet<string>> }) {
  const store = useStore();
  const { span, spanId, depth } = node;
  const isFolded = folded.value.has(spanId);
  return (
    <span class="waterfall-name" style={{ '--depth': `${Math.min(INDENTS_MAX, depth) * INDENT_PX}px` }}>
      {node.childCount > 0 ? (
        <button
          type="button"
          class="quiet fold"
          aria-expanded={!isFolded}
          aria-label={`Fold ${span?.name ?? 'parent'}`}
          onClick={() => fold(folded, spanId)}
        >
          {isFolded ? '+' : '−'}
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
          title={`${titleOf(span)}, ${span.service ?? 'unknown service'}`}
          onClick={() => {
            store.selection.value = { type: 'row', key: span.key, tab: 'story' };
          }}
        >
          <Glyph name={span.state} label={span.state} /> {titleOf(span)}
        </button>
      )}
    </span>
  );
}

function Bar({ span, axis }: { span: SpanRow; axis: Axis }) {
  const endUs = span.endUs ?? (span.state === 'running' ? axis.nowUs : span.startUs);
  const left = shareOf(span.startUs, axis);
  const right = shareOf(endUs, axis);
  const tookMs = (endUs - span.startUs) / 1_000;
  const isTight = right > 82;
  return (
    <>
      <i
        class="waterfall-bar"
        title={`${formatDuration(tookMs)}, from ${whenOf(span.startUs, axis)}`}
        style={{ left: `${left}%`, width: `${Math.max(0.4, right - left)}%` }}
      />
      {span.nested.map((entry) => (
        <Tick key={entry.cursor} entry={entry} axis={axis} />
      ))}
      <b class={isTight ? 'is-inside' : ''} style={isTight ? {} : { left: `${right}%` }}>
        {formatDuration(tookMs)}
      </b>
    </>
  );
}

/** An event on its span; the label shows on hover and focus. */
function Tick({ entry: { activity }, axis }: { entry: Entry; axis: Axis }) {
  const timeUs = timeUsOf(activity);
  const left = shareOf(timeUs, axis);
  const label = `${whenOf(timeUs, axis)} ${isError(activity) ? 'error: ' : ''}${sayingOf(activity)}`;
  return (
    <button
      type="button"
      class={`tick${isError(activity) ? ' is-error' : ''}${left > RIGHT_SHARE ? ' is-right' : ''}`}
      aria-label={label}
      style={{ left: `${left}%` }}
    />
  );
}

/** From the start of the trace, and by the clock. */
function whenOf(us: number, { startUs }: Axis): string {
  return `${formatOffset((us - startUs) / 1_000)} (${formatTime(us)})`;
}

function shareOf(us: number, { startUs, totalUs }: Axis): number {
  return Math.min(100, Math.max(0, ((us - startUs) / totalUs) * 100));
}

function fold(folded: Signal<ReadonlySet<string>>, spanId: string): void {
  const next = new Set(folded.value);
  if (!next.delete(spanId)) next.add(spanId);
  folded.value = next;
}
