import { useRef } from 'preact/hooks';
import { formatCount, formatNumber } from '../state/figures.ts';
import { useMonitor } from './context.ts';
import { wordsOf } from './status-words.ts';

export interface StatusLineProps {
  showHelp: () => void;
  openFile: (file: File) => void;
}

/** Always true: how far behind, what was lost, what the log is. */
export function StatusLine({ showHelp, openFile }: StatusLineProps) {
  const monitor = useMonitor();
  const { store } = monitor;
  const chooser = useRef<HTMLInputElement>(null);
  const loss = store.loss.value;
  const log = store.stats.value?.log;
  const readers = Number(store.stats.value?.readers?.readers ?? 0);
  return (
    <footer class="status">
      <span class="status-words">{wordsOf(store)}</span>
      <span class={loss.missed > 0 ? 'is-warn' : ''}>{formatNumber(loss.missed)} lost</span>
      {loss.sampled > 1 && <span class="is-warn">one in {loss.sampled} shown, errors always</span>}
      {loss.dropped > 0 && <span class="is-warn">{formatNumber(loss.dropped)} dropped by applications</span>}
      {log !== undefined && (
        <span class="wide">
          log {formatNumber(log.length ?? 0)} · {log.description}
        </span>
      )}
      {readers > 0 && <span class="wide">{formatCount(readers, 'reader')}</span>}
      <span class="spring" />
      <button type="button" class="quiet" title="Rows of this view as NDJSON" onClick={() => void save(monitor)}>
        export
      </button>
      <button
        type="button"
        class="quiet"
        title="Show such a file; it may be dropped on the page too"
        onClick={() => chooser.current?.click()}
      >
        import
      </button>
      <input
        ref={chooser}
        type="file"
        accept=".ndjson,.jsonl,application/x-ndjson"
        hidden
        aria-label="File to show"
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file !== undefined) openFile(file);
          event.currentTarget.value = '';
        }}
      />
      <button type="button" class="quiet" aria-label="Keyboard shortcuts" onClick={showHelp}>
        ?
      </button>
    </footer>
  );
}

async function save(monitor: ReturnType<typeof useMonitor>): Promise<void> {
  const url = URL.createObjectURL(new Blob([await monitor.exportNdjson()], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `livespan-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.ndjson`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
