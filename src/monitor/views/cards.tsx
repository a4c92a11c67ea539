import { Component } from 'preact';
import { formatCount, formatDuration, formatTime } from '../state/figures.ts';
import type { Call, Trace } from '../state/model.ts';
import { titleOf } from '../state/span-row.ts';
import { tellCall } from '../state/story.ts';
import { rootOf } from '../state/traces.ts';
import { Glyph, type GlyphName } from './glyph.tsx';

interface CardProps {
  /** Records change in place; this tells. */
  revision: number;
  isChosen: boolean;
  /** End of what still runs; 0 when nothing does. */
  nowUs: number;
  onOpen: () => void;
}

/** Drawn again only when its record or its clock has moved on: the list is gone through at every change of any of them. */
abstract class Card<P extends CardProps> extends Component<P> {
  override shouldComponentUpdate({ revision, isChosen, nowUs }: P): boolean {
    return revision !== this.props.revision || isChosen !== this.props.isChosen || nowUs !== this.props.nowUs;
  }

  protected draw(state: GlyphName, title: string, facts: readonly (string | undefined)[], id?: string) {
    const { isChosen, onOpen } = this.props;
    return (
      <button type="button" aria-current={isChosen} onClick={onOpen}>
        <b>
          <Glyph name={state} label={state} /> {title}
        </b>
        <span>
          {id !== undefined && (
            <>
              <code>{id}</code>
              {' · '}
            </>
          )}
          {facts.filter((fact) => fact !== undefined && fact !== '').join(' · ')}
        </span>
      </button>
    );
  }
}

/** What is said of a trace: the first of these that any of its spans is. */
const STATES = [
  ['runningCount', 'running'],
  ['errorCount', 'error'],
  ['startedCount', 'started'],
] as const;

export class TraceCard extends Card<CardProps & { trace: Trace }> {
  override render({ trace, nowUs }: CardProps & { trace: Trace }) {
    const root = rootOf(trace);
    const state = STATES.find(([count]) => trace[count] > 0)?.[1] ?? 'ok';
    const lastingMs = Math.max(0, Math.max(nowUs, trace.endUs) - trace.startUs) / 1_000;
    return this.draw(state, root === undefined ? trace.traceId : titleOf(root), [
      formatTime(trace.startUs),
      root?.service,
      state === 'started' ? undefined : formatDuration(lastingMs),
      formatCount(trace.spans.size, 'span'),
      trace.errorCount > 0 ? formatCount(trace.errorCount, 'error') : undefined,
    ]);
  }
}

export class CallCard extends Card<CardProps & { call: Call }> {
  override render({ call, nowUs }: CardProps & { call: Call }) {
    const { state, request, path, durationMs, model, tokens } = tellCall(call, nowUs);
    const facts = [
      formatTime(call.startUs),
      path[0],
      state === 'started' ? undefined : formatDuration(durationMs),
      model,
      tokens === undefined ? undefined : formatCount(tokens.total, 'token'),
    ];
    return this.draw(state, request === '' ? call.callId : request, facts, call.callId);
  }
}
