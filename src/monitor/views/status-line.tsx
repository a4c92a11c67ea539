import { formatCount, formatDuration, formatNumber } from '../state/figures.ts';
import type { Store } from '../state/store.ts';
import { useMonitor } from './context.ts';

/** Always true: how far behind, what was lost, what the log is. */
export function StatusLine({ showHelp }: { showHelp: () => void }) {
  const monitor = useMonitor();
  const { store } = monitor;
  const loss = store.loss.value;
  const log = store.stats.value?.log;
  const readers = store.stats.value?.readers?.readers;
  return (
    <footer class="status">
      <span class="status-words" role="status">
        {wordsOf(store)}
      </span>
      <span class={loss.missed > 0 ? 'is-warn' : ''}>{formatNumber(loss.missed)} lost</span>
      {loss.sampled > 1 && <span class="is-warn">one in {loss.sampled} shown, errors always</span>}
      {loss.dropped > 0 && <span class="is-warn">{formatNumber(loss.dropped)} dropped by applications</span>}
      {log !== undefined && (
        <span>
          log {formatNumber(log.length ?? 0)} · {log.description}
        </span>
      )}
      {typeof readers === 'number' && <span>{formatCount(readers, 'reader')}</span>}
      <span class="spring" />
      <button type="button" class="quiet" onClick={() => save(monitor.exportNdjson())}>
        export
      </button>
      <button type="button" class="quiet" aria-label="Keyboard shortcuts" onClick={showHelp}>
        ?
      </button>
    </footer>
  );
}

function wordsOf(store: Store): string {
  const connection = store.connection.value;
  const pause = store.pause.value;
  const again = store.reconnected.value;
  if (connection.state === 'reconnecting')
    return `Not connected since ${new Date(connection.sinceMs).toLocaleTimeString()}: ${connection.detail}`;
  if (connection.state === 'denied' || connection.state === 'overloaded' || connection.state === 'refused')
    return connection.detail;
  if (connection.state === 'file')
    return `${connection.name}: ${formatCount(connection.activities, 'activity', 'activities')}`;
  if (pause !== undefined) return `Paused. ${formatNumber(pause.newCount)} new.`;
  if (store.travel.value !== undefined) return 'Replaying the log.';
  if (store.behind.value > 0) return `${formatNumber(store.behind.value)} behind`;
  if (again !== undefined && Date.now() - again.atMs < 15_000) {
    const after = `Reconnected after ${formatDuration(again.afterMs)}`;
    if (again.wasReset) return `${after}: the log was recreated.`;
    return again.missed === 0
      ? `${after}, nothing lost.`
      : `${after}: ${formatCount(again.missed, 'activity', 'activities')} were trimmed before we came back.`;
  }
  return connection.state === 'live' ? 'caught up' : 'connecting';
}

function save(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `livespan-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.ndjson`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
