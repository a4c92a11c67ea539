// Not for the keys: for those who see the page in the colours of their system, this early.
import '../styles/contrast.css';
import { asJson } from '../state/copy-texts.ts';
import type { View } from '../state/model.ts';
import type { Store } from '../state/store.ts';
import { copyText } from './copy.tsx';
import { toggleRunning } from './filter-chips.tsx';
import { goTo } from './header.tsx';
import { closeSelection, traceOf } from './selection.ts';
import { sayDone } from './status-words.ts';

const VIEW_KEYS: Readonly<Record<string, View>> = { l: 'live', t: 'traces', c: 'calls', s: 'services', h: 'health' };
/** How long `g` waits for the second key. */
const CHORD_MS = 1_200;

/** All keys of the page; none while something is being typed. Returns what takes keys that were pressed before. */
export function listenToKeys(store: Store): (event: KeyboardEvent) => void {
  listenToMenus();
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
    Escape: () => closeSelection(store),
    ' ': () => (store.pause.peek() === undefined ? store.pauseRows('user') : store.resumeRows()),
    G: () => {
      if (store.travel.peek() !== undefined) store.backToLive();
      else store.resumeRows();
      document.querySelector('.scroller')?.scrollTo({ top: 0 });
    },
    e: () => store.filter.toggle('severity:>=error'),
    r: () => toggleRunning(store),
    '[': () => stepInTrace(store, -1),
    ']': () => stepInTrace(store, 1),
    c: () => copySelected(store),
    y: () => void copyAndSay(location.href, 'The link'),
    t: () => document.querySelector<HTMLElement>('#travel > summary')?.click(),
    '?': () => {
      store.isHelpOpen.value = true;
    },
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
  return press;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest('dialog[open]') !== null)
  );
}

/** To the span that starts before or after the selected one; into a trace from its first or its last one. */
function stepInTrace(store: Store, step: 1 | -1): void {
  const selection = store.selection.peek();
  const traceId = traceOf(selection);
  if (selection === undefined || traceId === undefined) return;
  const spans = [...(store.trace(traceId)?.spans.values() ?? [])].sort((a, b) => a.startUs - b.startUs);
  const at = selection.type === 'row' ? spans.findIndex(({ key }) => key === selection.key) : undefined;
  if (at === -1) return;
  const next = at === undefined ? spans.at(step === 1 ? 0 : -1) : spans[at + step];
  if (next === undefined) return;
  store.selection.value = { type: 'row', key: next.key, tab: selection.type === 'row' ? selection.tab : 'story' };
}

async function copyAndSay(text: string, what: string): Promise<void> {
  sayDone((await copyText(text)) ? `${what} is copied.` : 'This browser does not let the page copy.');
}

function copySelected(store: Store): void {
  const selection = store.selection.peek();
  const row = selection?.type === 'row' ? store.row(selection.key) : undefined;
  if (row !== undefined) void copyAndSay(asJson(row), 'The row');
}

/** One thing at a time: the key that closes a menu does not close the drawer too. */
function listenToMenus(): void {
  const open = (): HTMLDetailsElement[] => [...document.querySelectorAll<HTMLDetailsElement>('.app details[open]')];
  const press = (event: PointerEvent): void => {
    for (const menu of open()) if (!menu.contains(event.target as Node)) menu.open = false;
  };
  const key = (event: KeyboardEvent): void => {
    const [menu] = open();
    if (event.key !== 'Escape' || menu === undefined) return;
    menu.open = false;
    menu.querySelector('summary')?.focus();
    event.stopPropagation();
  };
  document.addEventListener('pointerdown', press);
  document.addEventListener('keydown', key, true);
}
