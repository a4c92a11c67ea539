import { useComputed } from '@preact/signals';
import { Component } from 'preact';
import { formatCount, formatDuration, formatTime } from '../state/figures.ts';
import type { LostMark, Row, SpanRow } from '../state/model.ts';
import { countWithoutLine } from '../state/row-lines.ts';
import { isError, lossWords, pathOf, sayingOf, timeUsOf } from '../state/span-row.ts';
import { useStore } from './context.ts';
import { Glyph } from './glyph.tsx';

interface RowCellsProps {
  row: Row;
  /** Rows change in place; this tells. */
  revision: number;
}

export interface RowLineProps extends RowCellsProps {
  isFocused: boolean;
  topPx: number;
  /** Where few rows come, a new one fades in. */
  isCalm: boolean;
  onOpen: () => void;
}

const FADE_MS = 120;

/** Most often a row has only moved, because others came: then nothing but its place is written. */
export class RowLine extends Component<RowLineProps> {
  override shouldComponentUpdate(next: RowLineProps): boolean {
    const { row, revision, isFocused, topPx } = this.props;
    return row !== next.row || revision !== next.revision || isFocused !== next.isFocused || topPx !== next.topPx;
  }

  /** Not by a style: that would begin again whenever the row takes another place among the others. */
  readonly #fade = (line: HTMLButtonElement | null): void => {
    if (this.props.isCalm) line?.animate([{ opacity: 0 }, { opacity: 1 }], FADE_MS);
  };

  override render({ row, revision, isFocused, topPx, onOpen }: RowLineProps) {
    const state = row.type === 'span' ? row.state : row.type;
    return (
      <button
        type="button"
        class={`line row row-${state}${isFocused ? ' is-focused' : ''}`}
        style={{ transform: `translateY(${topPx}px)` }}
        data-key={row.key}
        ref={this.#fade}
        onClick={onOpen}
      >
        <RowCells row={row} revision={revision} />
      </button>
    );
  }
}

class RowCells extends Component<RowCellsProps> {
  override shouldComponentUpdate(next: RowCellsProps): boolean {
    return this.props.row !== next.row || this.props.revision !== next.revision;
  }

  override render({ row }: RowCellsProps) {
    if (row.type === 'span') return <SpanCells row={row} />;
    return 'entry' in row ? <EntryCells row={row} /> : <BreakCells row={row} />;
  }
}

/** A bar is full at 10 s; the scale is logarithmic, because what takes 30 ms and what takes 3 s stand side by side. */
function barShare(ms: number): number {
  return Math.min(1, Math.log10(1 + ms) / 4);
}

function SpanCells({ row }: { row: SpanRow }) {
  const more = countWithoutLine(row);
  const title = row.sawStart ? row.name : `${row.name} (told when it had ended)`;
  return (
    <>
      <time>{formatTime(row.startUs)}</time>
      <span class="state">
        <Glyph name={row.state} /> {row.state}
      </span>
      <span class="service">{row.service ?? ''}</span>
      <span class="name" title={title}>
        {row.name}
        <SpanPath row={row} />
        {more > 0 && <em> +{formatCount(more, 'more event')}</em>}
        {row.end?.activity.statusMessage !== undefined && <em> {row.end.activity.statusMessage}</em>}
      </span>
      <span class="call">{row.callId ?? ''}</span>
      {row.state === 'running' ? <RunningClock startMs={row.startUs / 1_000} /> : <Took row={row} />}
    </>
  );
}

/** The one part of a row that goes on by itself. */
function RunningClock({ startMs }: { startMs: number }) {
  const ms = Math.max(0, useStore().nowMs.value - startMs);
  return <Duration ms={ms} words={formatDuration(ms)} />;
}

function Took({ row: { durationMs: ms, state, lost } }: { row: SpanRow }) {
  if (state === 'lost') return <Silence lost={lost} />;
  return <Duration ms={ms} words={ms === undefined ? '' : formatDuration(ms)} />;
}

/** Goes on by itself as well; what is drawn changes with the seconds. */
function Silence({ lost }: { lost: LostMark | undefined }) {
  const { nowMs } = useStore();
  const words = useComputed(() => lossWords(lost, nowMs.value));
  return <span class="took silence">{words}</span>;
}

function Duration({ ms, words }: { ms: number | undefined; words: string }) {
  return (
    <>
      <span class="took">{words}</span>
      <span class="bar" aria-hidden="true">
        {ms !== undefined && <i style={{ transform: `scaleX(${barShare(ms).toFixed(3)})` }} />}
      </span>
    </>
  );
}

/** Without a route an HTTP span is named by its method alone, which tells nothing apart. */
function SpanPath({ row }: { row: SpanRow }) {
  const path = pathOf(row);
  return path === undefined ? null : <em> {path}</em>;
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
  const count = formatCount(row.missed, 'activity', 'activities');
  const words =
    row.type === 'reset'
      ? `The log was recreated at ${formatTime(row.atMs * 1_000).slice(0, 5)}. Earlier rows are from the old log: export keeps them.`
      : row.type === 'gap'
        ? `${count} were trimmed before they were read.`
        : row.type === 'lagged'
          ? `${count} were skipped because this page was too slow.`
          : `${count} came while too much waited: counted, but not shown.`;
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

interface NestedLineProps extends RowCellsProps {
  index: number;
  topPx: number;
}

/** One event under its span: what it says, and when after the span's start. */
export class NestedLine extends Component<NestedLineProps> {
  override shouldComponentUpdate(next: NestedLineProps): boolean {
    const { row, revision, index, topPx } = this.props;
    return row !== next.row || revision !== next.revision || index !== next.index || topPx !== next.topPx;
  }

  override render({ row, index, topPx }: NestedLineProps) {
    const entry = row.type === 'span' ? row.nested[index] : undefined;
    if (row.type !== 'span' || entry === undefined) return null;
    const { activity } = entry;
    const offsetMs = (timeUsOf(activity) - row.startUs) / 1_000;
    return (
      <div class={`line nested${isError(activity) ? ' is-error' : ''}`} style={{ transform: `translateY(${topPx}px)` }}>
        <span class="mark" aria-hidden="true">
          {isError(activity) ? '!' : '·'}
        </span>
        <span class="name">{sayingOf(activity)}</span>
        <span class="took">+{formatDuration(Math.max(0, offsetMs))}</span>
      </div>
    );
  }
}
