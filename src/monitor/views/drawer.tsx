import '../styles/drawer.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { groupAttributes } from '../state/conventions.ts';
import { asCurl, asJson, asMarkdown, entriesOf, notHeldOf } from '../state/copy-texts.ts';
import { formatCount, formatDuration, formatTime } from '../state/figures.ts';
import type { DrawerTab, Row, SpanRow } from '../state/model.ts';
import { traceBackendName, traceLink } from '../state/server-facts.ts';
import { isError, lossWords, timeUsOf, titleOf } from '../state/span-row.ts';
import { CallStory } from './call-story.tsx';
import { useMonitor, useStore } from './context.ts';
import { CopyButton } from './copy.tsx';
import { Glyph } from './glyph.tsx';
import { NotHeld } from './not-held.tsx';
import { closeSelection } from './selection.ts';
import { Waterfall } from './waterfall.tsx';

const TABS: readonly [DrawerTab, string][] = [
  ['story', 'Story'],
  ['attributes', 'Attributes'],
  ['json', 'JSON'],
  ['trace', 'Trace'],
];

const WIDTH_PX_MIN = 320;
/** What is left for the list. */
const REST_PX_MIN = 240;
const STEP_PX = 40;

/** What is selected, in detail, beside the list that stays where it was. */
export function Drawer() {
  const store = useStore();
  const selection = store.selection.value;
  const body = useRef<HTMLElement>(null);
  const widthPx = useSignal<number | undefined>(undefined);
  const key = selection?.type === 'row' ? selection.key : undefined;
  useEffect(() => {
    if (key !== undefined) body.current?.focus({ preventScroll: true });
  }, [key]);
  if (selection?.type !== 'row') return null;
  const row = store.row(selection.key);
  const close = (): void => closeSelection(store);
  return (
    <aside
      ref={body}
      class="drawer"
      tabIndex={-1}
      aria-label="Details"
      style={widthPx.value === undefined ? {} : { width: `${widthPx.value}px` }}
    >
      <Resizer
        widthOf={() => body.current?.clientWidth ?? 0}
        onMove={(px) => {
          widthPx.value = Math.min(innerWidth - REST_PX_MIN, Math.max(WIDTH_PX_MIN, px));
        }}
      />
      {row === undefined ? (
        <>
          <NotHeld what="row" />
          <button type="button" onClick={close}>
            close
          </button>
        </>
      ) : (
        <RowDetails row={row} tab={selection.tab} close={close} />
      )}
    </aside>
  );
}

/** The edge to pull; with the keyboard by the arrows. */
function Resizer({ widthOf, onMove }: { widthOf: () => number; onMove: (px: number) => void }) {
  const step = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowLeft' ? STEP_PX : event.key === 'ArrowRight' ? -STEP_PX : 0;
    if (by === 0) return;
    event.stopPropagation();
    onMove(widthOf() + by);
  };
  return (
    // A window splitter takes the focus, as the ARIA practices have it.
    // biome-ignore lint/a11y/useSemanticElements: hr can neither be focused nor moved
    <div
      class="resizer"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the details"
      aria-valuenow={Math.round((widthOf() / innerWidth) * 100)}
      tabIndex={0}
      onKeyDown={step}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) =>
        event.currentTarget.hasPointerCapture(event.pointerId) && onMove(innerWidth - event.clientX)
      }
    />
  );
}

function RowDetails({ row, tab, close }: { row: Row; tab: DrawerTab; close: () => void }) {
  const { base, store } = useMonitor();
  const entries = entriesOf(row);
  const main = row.type === 'span' ? (row.end ?? row.start ?? entries[0]) : entries[0];
  const activity = main?.activity;
  const traceId = row.type === 'span' ? row.traceId : activity?.traceId;
  const link = traceLink(store.config.value, traceId);
  const goTab = (next: DrawerTab): void => {
    store.selection.value = { type: 'row', key: row.key, tab: next };
  };
  const state = row.type === 'span' ? row.state : undefined;
  return (
    <>
      <header>
        <h2>
          {state !== undefined && <Glyph name={state} label={state} />}{' '}
          {row.type === 'span' ? titleOf(row) : (activity?.name ?? row.type)}
        </h2>
        <button type="button" class="quiet" aria-label="Close (Esc)" onClick={close}>
          close
        </button>
      </header>
      <p class="muted">
        {row.type === 'span' ? formatTime(row.startUs) : activity === undefined ? '' : formatTime(timeUsOf(activity))}{' '}
        {activity?.service ?? ''} {activity?.instance ?? ''}{' '}
        {row.type === 'span' && row.durationMs !== undefined ? `· ${formatDuration(row.durationMs)}` : ''}
        {row.type === 'span' && row.state === 'lost' ? `· ${lossOf(row)}` : ''}
      </p>
      <p class="actions">
        <CopyButton title="copy JSON" text={() => asJson(row)} />
        <CopyButton title="copy Markdown" text={() => asMarkdown(row)} />
        <CopyButton
          title="copy curl"
          text={() => asCurl(row, location.origin + base, store.config.value.signedIn === true)}
        />
        <CopyButton title="copy link" text={() => location.href} />
        {link !== undefined && (
          <a href={link} target="_blank" rel="noreferrer">
            Open in {traceBackendName(store.config.value)}
          </a>
        )}
      </p>
      <Tabs tabs={TABS.filter(([name]) => name !== 'trace' || traceId !== undefined)} tab={tab} goTab={goTab} />
      <div class="tab-body" role="tabpanel" aria-label={tab}>
        {tab === 'story' && <RowStory row={row} />}
        {tab === 'attributes' && activity !== undefined && <AttributeTable attributes={activity.attributes} />}
        {tab === 'json' && <pre>{asJson(row)}</pre>}
        {tab === 'trace' && traceId !== undefined && <Waterfall traceId={traceId} />}
      </div>
    </>
  );
}

/** By the clock, because it does not go on here. */
function lossOf({ lost }: SpanRow): string {
  if (lost?.sinceMs === undefined) return lossWords(lost, 0);
  return `silent since ${formatTime(lost.sinceMs * 1_000).slice(0, 8)}`;
}

interface TabsProps {
  tabs: readonly [DrawerTab, string][];
  tab: DrawerTab;
  goTab: (tab: DrawerTab) => void;
}

function Tabs({ tabs, tab, goTab }: TabsProps) {
  const list = useRef<HTMLDivElement>(null);
  const step = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.stopPropagation();
    const at = (tabs.findIndex(([name]) => name === tab) + by + tabs.length) % tabs.length;
    const next = tabs[at];
    if (next === undefined) return;
    goTab(next[0]);
    list.current?.querySelectorAll('button')[at]?.focus();
  };
  return (
    <div role="tablist" class="tabs" aria-label="Details" ref={list} onKeyDown={step}>
      {tabs.map(([name, title]) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={tab === name}
          tabIndex={tab === name ? 0 : -1}
          onClick={() => goTab(name)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

/** The call it belongs to, where there is one; else its own entries in order. */
function RowStory({ row }: { row: Row }) {
  const store = useStore();
  const callId = row.type === 'span' ? row.callId : entriesOf(row)[0]?.activity.callId;
  if (callId !== undefined && store.call(callId) !== undefined) return <CallStory callId={callId} />;
  const notHeld = notHeldOf(row);
  return (
    <>
      {notHeld > 0 && <p class="muted">{formatCount(notHeld, 'more event')}, not held.</p>}
      <ol class="entries">
        {entriesOf(row).map(({ cursor, activity }) => (
          <li key={cursor} class={isError(activity) ? 'is-error' : ''}>
            <time>{formatTime(timeUsOf(activity))}</time>{' '}
            <b>{activity.kind === 'event' ? activity.name : `${activity.kind} ${activity.name}`}</b>{' '}
            <span>{activity.summary ?? activity.statusMessage ?? ''}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

function AttributeTable({ attributes }: { attributes: Parameters<typeof groupAttributes>[0] }) {
  const groups = groupAttributes(attributes);
  if (groups.length === 0) return <p class="muted">No attributes.</p>;
  return (
    <>
      {groups.map((group) => (
        <section key={group.title}>
          <h3>{group.title}</h3>
          <dl>
            {group.attributes.map(({ key, value, explanation }) => (
              <div key={key}>
                <dt>
                  {key}
                  {explanation !== undefined && <small>{explanation}</small>}
                </dt>
                <dd>{Array.isArray(value) ? value.join(', ') : String(value)}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </>
  );
}
