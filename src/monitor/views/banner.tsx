import { useRef } from 'preact/hooks';
import { formatTime } from '../state/figures.ts';
import { useMonitor } from './context.ts';

/** What is wrong with the connection or the log, and what to do next. Without rows the empty state says it. */
export function Banner() {
  const monitor = useMonitor();
  const { store } = monitor;
  const awaySinceMs = useRef<number | undefined>(undefined);
  const connection = store.connection.value;
  const hasRows = store.rows.value.count > 0 || store.view.value !== 'live';
  if (connection.state === 'file') {
    return (
      <Notice words={`Showing ${connection.name}, not the log.`} action="back to live" onAct={monitor.leaveFile}>
        {connection.invalid > 0 && ` ${connection.invalid} of its lines could not be read.`}
      </Notice>
    );
  }
  if (hasRows && connection.state === 'denied')
    return <Notice isBad words={connection.detail} action="sign in" onAct={() => location.reload()} />;
  if (hasRows && connection.state === 'reconnecting') {
    const since = formatTime(connection.sinceMs * 1_000).slice(0, 8);
    const words = `${connection.detail}. Not connected since ${since}; what was seen stays, and this page goes on from there.`;
    return <Notice isBad words={words} action="try now" onAct={monitor.retry} />;
  }
  if (hasRows && connection.state === 'overloaded')
    return <Notice isBad words={connection.detail} action="try now" onAct={monitor.retry} />;
  if (hasRows && connection.state === 'refused') {
    const clear = (): void => void store.filter.apply('');
    return <Notice isBad words={connection.detail} action="clear the filter" onAct={clear} />;
  }
  if (connection.state === 'live' && store.filter.hidesEnds.value && store.view.value !== 'health')
    return <Notice words="This filter may hide how spans end: their rows say “started”, and no clock runs." />;
  const { log } = store.stats.value ?? {};
  if (log?.connected !== false) awaySinceMs.current = undefined;
  if (connection.state !== 'live' || log?.connected !== false) return null;
  awaySinceMs.current ??= Date.now();
  const since = formatTime(awaySinceMs.current * 1_000).slice(0, 8);
  const words = `livespan cannot reach its log (${log.description ?? 'unknown'}) since ${since}; showing what is in memory.`;
  return <Notice isBad words={`${words} ${log.problem?.message ?? ''}`} />;
}

interface NoticeProps {
  words: string;
  isBad?: boolean;
  action?: string;
  onAct?: () => void;
  children?: unknown;
}

function Notice({ words, isBad, action, onAct, children }: NoticeProps) {
  return (
    <p class={`banner${isBad ? ' is-error' : ''}`}>
      {words}
      {children as string}{' '}
      {action !== undefined && (
        <button type="button" onClick={onAct}>
          {action}
        </button>
      )}
    </p>
  );
}
