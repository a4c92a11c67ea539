import '../styles/lists.css';
import type { ComponentChildren } from 'preact';
import { formatCount } from '../state/figures.ts';
import type { Call, Trace } from '../state/model.ts';
import { traceBackendName, traceLink } from '../state/server-facts.ts';
import type { Store } from '../state/store.ts';
import { CallStory } from './call-story.tsx';
import { CallCard, TraceCard } from './cards.tsx';
import { useStore } from './context.ts';
import { CopyButton } from './copy.tsx';
import { EmptyState } from './empty-state.tsx';
import { useMoveKeys } from './move-keys.ts';
import { traceOf } from './selection.ts';
import { Waterfall } from './waterfall.tsx';

/** Newest of a long list; older ones are found by the filter. */
const SHOWN_MAX = 200;

export function TracesView() {
  const store = useStore();
  const { selection, traces } = { selection: store.selection.value, traces: store.traces.value };
  const chosen = traceOf(selection);
  return (
    <Split
      title="Traces"
      count={traces.length}
      detail={chosen !== undefined && <TraceDetail traceId={chosen} />}
      hint="Choose a trace."
    >
      {inOrder(store, traces).map((trace) => (
        <li key={trace.traceId}>
          <TraceCard
            trace={trace}
            revision={trace.revision}
            isChosen={trace.traceId === chosen}
            nowUs={trace.runningCount > 0 ? store.nowMs.value * 1_000 : 0}
            onOpen={() => {
              store.selection.value = { type: 'trace', traceId: trace.traceId };
            }}
          />
        </li>
      ))}
    </Split>
  );
}

export function CallsView() {
  const store = useStore();
  const { selection, calls } = { selection: store.selection.value, calls: store.calls.value };
  const chosen = selection?.type === 'call' ? selection.callId : undefined;
  return (
    <Split
      title="Calls"
      count={calls.length}
      detail={chosen !== undefined && <CallDetail callId={chosen} />}
      hint="Choose a call."
    >
      {inOrder(store, calls).map((call) => (
        <li key={call.callId}>
          <CallCard
            call={call}
            revision={call.revision}
            isChosen={call.callId === chosen}
            nowUs={call.runningCount > 0 ? store.nowMs.value * 1_000 : 0}
            onOpen={() => {
              store.selection.value = { type: 'call', callId: call.callId };
            }}
          />
        </li>
      ))}
    </Split>
  );
}

/** Newest first as they come, or the longest of those that are shown; what runs is as long as it has run. */
function inOrder<T extends Trace | Call>(store: Store, records: readonly T[]): readonly T[] {
  const wanted = store.isRunningOnly.value ? records.filter(({ runningCount }) => runningCount > 0) : records;
  if (store.order.value === 'newest') return wanted.slice(0, SHOWN_MAX);
  const nowUs = store.nowMs.value * 1_000;
  const lasting = ({ runningCount, startUs, endUs }: T): number => (runningCount > 0 ? nowUs : endUs) - startUs;
  return [...wanted].sort((a, b) => lasting(b) - lasting(a)).slice(0, SHOWN_MAX);
}

/** The lines of the trace that is shown, and the list. */
function keyLists(): readonly HTMLElement[][] {
  const lines = document.querySelectorAll<HTMLElement>('.detail .waterfall-name > button:last-child');
  return [[...lines], [...document.querySelectorAll<HTMLElement>('.cards li > button')]];
}

interface SplitProps {
  title: 'Traces' | 'Calls';
  count: number;
  hint: string;
  detail: ComponentChildren;
  children: ComponentChildren[];
}

/** A list at the left and what is chosen at the right; on a phone one after the other. */
function Split({ title, count, hint, detail, children }: SplitProps) {
  const store = useStore();
  // Moving on takes the details along, as among the rows.
  useMoveKeys(keyLists, (button) => store.selection.peek() !== undefined && button.closest('.cards') && button.click());
  if (children.length === 0 && !detail) {
    return (
      <main class="live" id="view">
        <EmptyState />
      </main>
    );
  }
  const order = store.order.value === 'newest' ? 'newest first' : 'longest first';
  return (
    <main class={`split${detail ? ' has-detail' : ''}`} id="view">
      <div class="cards">
        <ul aria-label={`${title}, ${order}`}>{children}</ul>
        {count > SHOWN_MAX && (
          <p class="muted">
            {SHOWN_MAX} of {formatCount(count, 'are', 'are')} shown; the filter finds the others.
          </p>
        )}
      </div>
      <div class="detail">
        {detail ? (
          <>
            <button
              type="button"
              class="back"
              onClick={() => {
                store.selection.value = undefined;
              }}
            >
              ← {title}
            </button>
            {detail}
          </>
        ) : (
          <p class="muted">{hint}</p>
        )}
      </div>
    </main>
  );
}

function TraceDetail({ traceId }: { traceId: string }) {
  const store = useStore();
  const link = traceLink(store.config.value, traceId);
  const callId = store.trace(traceId)?.callId;
  return (
    <Waterfall traceId={traceId}>
      <p class="actions">
        <CopyButton title="copy link" text={() => location.href} />
        {callId !== undefined && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              store.view.value = 'calls';
              store.selection.value = { type: 'call', callId };
            }}
          >
            story of call {callId}
          </button>
        )}
        {link !== undefined && (
          <a href={link} target="_blank" rel="noreferrer">
            Open in {traceBackendName(store.config.value)}
          </a>
        )}
      </p>
    </Waterfall>
  );
}

function CallDetail({ callId }: { callId: string }) {
  const store = useStore();
  const traceId = store.call(callId)?.entries.find(({ activity }) => activity.traceId !== undefined)?.activity.traceId;
  return (
    <>
      <CallStory callId={callId} />
      <p class="actions">
        <CopyButton title="copy link" text={() => location.href} />
        {traceId !== undefined && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              store.view.value = 'traces';
              store.selection.value = { type: 'trace', traceId };
            }}
          >
            its trace
          </button>
        )}
      </p>
    </>
  );
}
