import { Component } from 'preact';
import { formatCount, formatDuration, formatTime } from '../state/figures.ts';
import type { Row, SpanRow } from '../state/model.ts';
import { isError, timeUsOf } from '../state/span-row.ts';
import { Glyph } from './glyph.tsx';

export interface RowLineProps {
  row: Row;
  /** Rows change in place; this tells. */
  revision: number;
  nowMs: number;
  isFocused: boolean;
  place: { transform: string };
  onOpen: () => void;
}

/** Drawn again only when its row, clock or place changed: a page of rows is redrawn many times a second. */
export class RowLine extends Component<RowLineProps> {
  override shouldComponentUpdate(next: RowLineProps): boolean {
    const { row, revision, nowMs, isFocused, place } = this.props;
    return (
      row !== next.row ||
      revision !== next.revision ||
      nowMs !== next.nowMs ||
      isFocused !== next.isFocused ||
      place.transform !== next.place.transform
    );
  }

  override render({ row, nowMs, isFocused, place, onOpen }: RowLineProps) {
    const state = row.type === 'span' ? row.state : row.type;
    return (
      <button
        type="button"
        class={`line row row-${state}${isFocused ? ' is-focused' : ''}`}
        style={place}
        data-key={row.key}
        onClick={onOpen}
      >
        {row.type === 'span' ? (
          <SpanCells row={row} nowMs={nowMs} />
        ) : 'entry' in row ? (
          <EntryCells row={row} />
        ) : (
          <BreakCells row={row} />
        )}
      </button>
    );
  }
}

const WORDS = { running: 'running', ok: 'ok', error: 'error', lost: 'lost' } as const;
/** A bar is full at 10 s; the scale is logarithmic, because what takes 30 ms and what takes 3 s stand side by side. */
function barShare(ms: number): number {
  return Math.min(1, Math.log10(1 + ms) / 4);
}

function SpanCells({ row, nowMs }: { row: SpanRow; nowMs: number }) {
  const ms = row.durationMs ?? (row.state === 'running' ? Math.max(0, nowMs - row.startUs / 1_000) : undefined);
  const title = row.sawStart ? row.name : `${row.name} (told when it had ended)`;
  return (
    <>
      <time>{formatTime(row.startUs)}</time>
      <span class="state">
        <Glyph name={row.state} /> {WORDS[row.state]}
      </span>
      <span class="service">{row.service ?? ''}</span>
      <span class="name" title={title}>
        {row.name}
        <SpanPath row={row} />
        {row.end?.activity.statusMessage !== undefined && <em> {row.end.activity.statusMessage}</em>}
      </span>
      <span class="call">{row.callId ?? ''}</span>
      <span class="took">{ms === undefined ? (row.state === 'lost' ? 'fell silent' : '') : formatDuration(ms)}</span>
      <span class="bar" aria-hidden="true">
        {ms !== undefined && <i style={{ width: `${barShare(ms) * 100}%` }} />}
      </span>
    </>
  );
}

/** Without a route an HTTP span is named by its method alone, which tells nothing apart. */
function SpanPath({ row }: { row: SpanRow }) {
  const path = /^[A-Z]+$/.test(row.name) ? (row.start ?? row.end)?.activity.attributes['url.path'] : undefined;
  return typeof path === 'string' ? <em> {path}</em> : null;
}

function EntryCells({ row }: { row: Extract<Row, { entry: unknown }> }) {
  const { activity } = row.entry;
  return (
    <>
      <time>{formatTime(row.timeUs)}</time>
      <span class={`state state-${activity.severity}`}>
        {isError(activity) ? <Glyph name="error" /> : <span class="dot" aria-hidden="true" />}{' '}
        {activity.kind === 'notice' ? 'notice' : activity.severity}
      </span>
      <span class="service">{activity.service ?? ''}</span>
      <span class="name">
        {activity.name}
        {activity.summary !== undefined && <em> {activity.summary}</em>}
      </span>
      <span class="call">{activity.callId ?? ''}</span>
      <span class="took" />
      <span class="bar" />
    </>
  );
}

function BreakCells({ row }: { row: Extract<Row, { missed: number }> }) {
  const words =
    row.type === 'reset'
      ? 'The log was recreated. Earlier rows are from the old log.'
      : row.type === 'gap'
        ? `${formatCount(row.missed, 'activity', 'activities')} were trimmed before they were read.`
        : `${formatCount(row.missed, 'activity', 'activities')} were skipped because this page was too slow.`;
  return (
    <>
      <time>{formatTime(row.atMs * 1_000)}</time>
      <span class="state">
        <Glyph name="lost" /> {row.type}
      </span>
      <span class="break-words">{words}</span>
    </>
  );
}

/** One event under its span: what it says, and when after the span's start. */
export function NestedLine({ row, index, place }: { row: Row; index: number; place: { transform: string } }) {
  if (row.type !== 'span') return null;
  const entry = row.nested[index];
  if (entry === undefined) return null;
  const { activity } = entry;
  const offsetMs = (timeUsOf(activity) - row.startUs) / 1_000;
  return (
    <div class={`line nested${isError(activity) ? ' is-error' : ''}`} style={place}>
      <span class="mark" aria-hidden="true">
        {isError(activity) ? '!' : '·'}
      </span>
      <span class="name">{activity.summary ?? activity.name}</span>
      <span class="took">+{formatDuration(Math.max(0, offsetMs))}</span>
    </div>
  );
}
