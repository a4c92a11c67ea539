import { signal } from '@preact/signals';
import { formatCount, formatDuration, formatNumber, formatTime } from '../state/figures.ts';
import type { Store } from '../state/store.ts';

/** How long a reconnect is spoken of. */
const RECONNECT_SAID_MS = 15_000;

const DONE_SAID_MS = 2_000;
const done = signal<string | undefined>(undefined);

/** What a key has done, where nothing else shows it. */
export function sayDone(words: string): void {
  done.value = words;
  setTimeout(() => {
    if (done.peek() === words) done.value = undefined;
  }, DONE_SAID_MS);
}

/** Where the page stands, in one short sentence that is true. */
export function wordsOf(store: Store): string {
  if (done.value !== undefined) return done.value;
  const connection = store.connection.value;
  const pause = store.pause.value;
  const behind = store.behind.value > 0 ? ` ${formatNumber(store.behind.value)} behind` : '';
  if (connection.state === 'reconnecting')
    return `Not connected since ${formatTime(connection.sinceMs * 1_000).slice(0, 8)}: ${connection.detail}`;
  if ('detail' in connection) return connection.detail;
  if (connection.state === 'file')
    return `${connection.name}: ${formatCount(connection.activities, 'activity', 'activities')}`;
  if (pause !== undefined) {
    const trimmed = pause.trimmed > 0 ? ` ${formatNumber(pause.trimmed)} of them are too old to be kept.` : '';
    return `Paused. ${formatNumber(pause.newCount)} new.${trimmed}${behind}`;
  }
  if (store.travel.value !== undefined) return `Replaying the log.${behind}`;
  if (behind !== '') return behind.slice(1);
  if (connection.state !== 'live') return 'connecting';
  return store.isLoaded.value ? (reconnectedWords(store) ?? 'caught up') : 'loading';
}

function reconnectedWords(store: Store): string | undefined {
  const again = store.reconnected.value;
  if (again === undefined || Date.now() - again.atMs > RECONNECT_SAID_MS) return undefined;
  const after = `Reconnected after ${formatDuration(again.afterMs)}`;
  if (again.wasReset) return `${after}: the log was recreated.`;
  if (again.missed === 0) return `${after}, nothing lost.`;
  return `${after}: ${formatCount(again.missed, 'activity', 'activities')} were trimmed before we came back.`;
}
