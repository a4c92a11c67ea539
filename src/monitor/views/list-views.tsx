import { formatCount, formatDuration, formatTime } from '../state/figures.ts';
import type { Call, Trace } from '../state/model.ts';
import { tellCall } from '../state/story.ts';
import { CallStory } from './call-story.tsx';
import { useStore } from './context.ts';
import { EmptyState } from './empty-state.tsx';
import { Glyph } from './glyph.tsx';
import { Waterfall } from './waterfall.tsx';

/** Newest of a long list; older ones are found by the filter. */
const SHOWN_MAX = 200;

export function TracesView() {
  const store = useStore();
  const selection = store.selection.value;
  const traces = store.traces.value;
  if (traces.length === 0) return <EmptyView />;
  return (
    <main class="split" id="view">
      <ul class="cards" aria-label="Traces, newest first">
        {traces.slice(0, SHOWN_MAX).map((trace) => (
          <li key={trace.traceId}>
            <button
              type="button"
              aria-current={selection?.type === 'trace' && selection.traceId === trace.traceId}
              onClick={() => {
                store.selection.value = { type: 'trace', traceId: trace.traceId };
              }}
            >
              <TraceCard trace={trace} />
            </button>
          </li>
        ))}
      </ul>
      <div class="detail">
        {selection?.type === 'trace' ? <Waterfall traceId={selection.traceId} /> : <p class="muted">Choose a trace.</p>}
      </div>
    </main>
  );
}

function TraceCard({ trace }: { trace: Trace }) {
  const root = [...trace.spans.values()].reduce<string>(
    (name, span) => (span.startUs === trace.startUs ? span.name : name),
    '',
  );
  const state = trace.runningCount > 0 ? 'running' : trace.errorCount > 0 ? 'error' : 'ok';
  return (
    <>
      <b>
        <Glyph name={state} label={state} /> {root || trace.traceId}
      </b>
      <span>
        {formatTime(trace.startUs)} · {formatDuration((trace.endUs - trace.startUs) / 1_000)} ·{' '}
        {formatCount(trace.spans.size, 'span')}
        {trace.errorCount > 0 ? ` · ${formatCount(trace.errorCount, 'error')}` : ''}
      </span>
    </>
  );
}

export function CallsView() {
  const store = useStore();
  const selection = store.selection.value;
  const calls = store.calls.value;
  if (calls.length === 0) return <EmptyView />;
  return (
    <main class="split" id="view">
      <ul class="cards" aria-label="Calls, newest first">
        {calls.slice(0, SHOWN_MAX).map((call) => (
          <li key={call.callId}>
            <button
              type="button"
              aria-current={selection?.type === 'call' && selection.callId === call.callId}
              onClick={() => {
                store.selection.value = { type: 'call', callId: call.callId };
              }}
            >
              <CallCard call={call} nowUs={call.runningCount > 0 ? store.nowMs.value * 1_000 : call.endUs} />
            </button>
          </li>
        ))}
      </ul>
      <div class="detail">
        {selection?.type === 'call' ? <CallStory callId={selection.callId} /> : <p class="muted">Choose a call.</p>}
      </div>
    </main>
  );
}

function CallCard({ call, nowUs }: { call: Call; nowUs: number }) {
  const story = tellCall(call, nowUs);
  return (
    <>
      <b>
        <Glyph name={story.state} label={story.state} /> {story.path.join(' → ') || call.callId}
      </b>
      <span>
        {formatTime(call.startUs)} · {formatDuration(story.durationMs)}
        {story.model === undefined ? '' : ` · ${story.model}`}
        {story.tokens === undefined ? '' : ` · ${story.tokens.total} tokens`} · <code>{call.callId}</code>
      </span>
    </>
  );
}

function EmptyView() {
  return (
    <main class="live" id="view">
      <EmptyState />
    </main>
  );
}
