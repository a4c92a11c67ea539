import type { View } from '../state/model.ts';
import type { Store } from '../state/store.ts';
import { goTo } from './header.tsx';

const VIEW_KEYS: Readonly<Record<string, View>> = { l: 'live', t: 'traces', c: 'calls', s: 'services', h: 'health' };
/** How long `g` waits for the second key. */
const CHORD_MS = 1_200;

export interface KeyActions {
  store: Store;
  showHelp(): void;
  copyRow(): void;
}

/** All keys of the page; none while something is being typed. */
export function listenToKeys({ store, showHelp, copyRow }: KeyActions): () => void {
  let chordUntilMs = 0;
  const move = (way: 'up' | 'down' | 'open'): void => {
    dispatchEvent(new CustomEvent('livespan:move', { detail: way }));
  };
  const actions: Readonly<Record<string, () => void>> = {
    '/': () => document.getElementById('filter')?.focus(),
    j: () => move('down'),
    ArrowDown: () => move('down'),
    k: () => move('up'),
    ArrowUp: () => move('up'),
    Enter: () => move('open'),
    Escape: () => {
      store.selection.value = undefined;
    },
    ' ': () => (store.pause.peek() === undefined ? store.pauseRows('user') : store.resumeRows()),
    G: () => {
      if (store.travel.peek() !== undefined) store.backToLive();
      else store.resumeRows();
      document.querySelector('.scroller')?.scrollTo({ top: 0 });
    },
    e: () => store.filter.toggle('severity:>=error'),
    r: () => store.filter.toggle('kind:span.start'),
    '[': () => stepInTrace(store, -1),
    ']': () => stepInTrace(store, 1),
    c: copyRow,
    y: () => void navigator.clipboard.writeText(location.href),
    t: () => document.querySelector<HTMLElement>('#travel > summary')?.click(),
    '?': showHelp,
  };
  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const isOnControl = event.target instanceof HTMLElement && /^(BUTTON|SUMMARY|A|SELECT)$/.test(event.target.tagName);
    if (isOnControl && (event.key === 'Enter' || event.key === ' ')) return;
    const view = event.timeStamp < chordUntilMs ? VIEW_KEYS[event.key] : undefined;
    chordUntilMs = event.key === 'g' ? event.timeStamp + CHORD_MS : 0;
    const action = view === undefined ? actions[event.key] : () => goTo(store, view);
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest('dialog') !== null)
  );
}

/** To the span that starts before or after the selected one. */
function stepInTrace(store: Store, step: 1 | -1): void {
  const selection = store.selection.peek();
  if (selection?.type !== 'row') return;
  const row = store.row(selection.key);
  if (row?.type !== 'span' || row.traceId === undefined) return;
  const spans = [...(store.trace(row.traceId)?.spans.values() ?? [])].sort((a, b) => a.startUs - b.startUs);
  const next = spans[spans.findIndex(({ key }) => key === row.key) + step];
  if (next !== undefined) store.selection.value = { ...selection, key: next.key };
}
