import { notHeldOf } from '../state/copy-texts.ts';
import { formatCount, formatDuration, formatOffset, formatTime } from '../state/figures.ts';
import type { Entry, SpanRow, TraceNode } from '../state/model.ts';
import { isError, sayingOf, timeUsOf, titleOf } from '../state/span-row.ts';
import type { Store } from '../state/store.ts';
import { groupTicks } from '../state/tick-groups.ts';
import { useStore } from './context.ts';
import { Glyph } from './glyph.tsx';

const INDENT_PX = 12;
const INDENTS_MAX = 12;
/** Labels of what lies further right open to the left. */
const RIGHT_SHARE = 55;
/** Part of the axis that a tick covers, about: what comes nearer to it stands in its label. */
const NEAR_SHARE = 0.015;
const LABEL_LINES_MAX = 6;

interface Axis {
  startUs: number;
  nowUs: number;
  totalUs: number;
}

export interface WaterfallLineProps {
  node: TraceNode;
  topPx: number;
  isFound: boolean;
  isFolded: boolean;
  onFold: (spanId: string) => void;
  axis: Axis;
}

/** One span: its name by its depth, and its bar on the common axis. */
export function WaterfallLine({ node, topPx, isFound, isFolded, onFold, axis }: WaterfallLineProps) {
  const { span, isCritical } = node;
  const kind = `span-${span?.state ?? 'placeholder'}${isFound ? ' is-found' : ''}${isCritical ? ' is-critical' : ''}`;
  return (
    <li class={kind} style={{ transform: `translateY(${topPx}px)` }}>
      <SpanName node={node} isFolded={isFolded} onFold={onFold} />
      <span class="waterfall-lane">{span !== undefined && <Bar span={span} axis={axis} />}</span>
    </li>
  );
}

/** Indented by its depth, with the fold of what hangs below it. */
function SpanName({ node, isFolded, onFold }: Pick<WaterfallLineProps, 'node' | 'isFolded' | 'onFold'>) {
  const store = useStore();
  const { span, spanId, depth } = node;
  return (
    <span class="waterfall-name" style={{ '--depth': `${Math.min(INDENTS_MAX, depth) * INDENT_PX}px` }}>
      {node.childCount > 0 ? (
        <button
          type="button"
          class="quiet fold"
          aria-expanded={!isFolded}
          aria-label={`Fold ${span?.name ?? 'parent'}`}
          onClick={() => onFold(spanId)}
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
          onClick={() => select(store, span)}
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
  // How long it took is not known.
  const isOpen = span.state === 'started' || span.state === 'lost';
  const notHeld = notHeldOf(span);
  // Right of each bar is room for a duration.
  const isInside = notHeld > 0 && right > 50;
  return (
    <>
      <i
        class="waterfall-bar"
        title={`${isOpen ? span.state : formatDuration(tookMs)}, from ${whenOf(span.startUs, axis)}`}
        style={{ left: `${left}%`, width: `${Math.max(0.4, right - left)}%` }}
      />
      {groupTicks(span.nested, axis.totalUs * NEAR_SHARE).map((entries) => (
        <Tick key={entries[0].cursor} span={span} entries={entries} axis={axis} />
      ))}
      <b class={isInside ? 'is-inside' : ''} style={isInside ? {} : { left: `${right}%` }}>
        {isOpen ? span.state : formatDuration(tookMs)}
        {notHeld > 0 && ` · ${formatCount(notHeld, 'more event')}, not held`}
      </b>
    </>
  );
}

interface TickProps {
  span: SpanRow;
  /** One or, where they are too near to tell apart, several. */
  entries: readonly [Entry, ...Entry[]];
  axis: Axis;
}

/** An event on its span; the label shows on hover and focus, and a press shows all of the span. */
function Tick({ span, entries, axis }: TickProps) {
  const store = useStore();
  const left = shareOf(timeUsOf(entries[0].activity), axis);
  const kinds = [
    'tick',
    entries.length > 1 && 'is-many',
    entries.some(({ activity }) => isError(activity)) && 'is-error',
    left > RIGHT_SHARE && 'is-right',
  ];
  return (
    <button
      type="button"
      class={kinds.filter(Boolean).join(' ')}
      aria-label={labelOf(entries, axis)}
      style={{ left: `${left}%` }}
      onClick={() => select(store, span)}
    />
  );
}

function labelOf(entries: readonly Entry[], axis: Axis): string {
  const isOne = entries.length === 1;
  const lines = entries.slice(0, LABEL_LINES_MAX).map(({ activity }) => {
    const us = timeUsOf(activity);
    const when = isOne ? whenOf(us, axis) : formatOffset((us - axis.startUs) / 1_000);
    return `${when} ${isError(activity) ? 'error: ' : ''}${sayingOf(activity)}`;
  });
  if (!isOne) lines.unshift(`${entries.length} events`);
  if (entries.length > LABEL_LINES_MAX) lines.push(`and ${entries.length - LABEL_LINES_MAX} more: press to see all`);
  return lines.join('\n');
}

function select(store: Store, { key }: SpanRow): void {
  store.selection.value = { type: 'row', key, tab: 'story' };
}

/** From the start of the trace, and by the clock. */
function whenOf(us: number, { startUs }: Axis): string {
  return `${formatOffset((us - startUs) / 1_000)} (${formatTime(us)})`;
}

function shareOf(us: number, { startUs, totalUs }: Axis): number {
  return Math.min(100, Math.max(0, ((us - startUs) / totalUs) * 100));
}
