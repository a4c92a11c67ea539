import { useRef } from 'preact/hooks';
import { formatCount, formatNumber } from '../state/figures.ts';
import type { Store } from '../state/store.ts';
import { useStore } from './context.ts';
import { later } from './later.tsx';
import { wordsOf } from './status-words.ts';

const LogFacts = later(async () => (await import('./log-facts.tsx')).LogFacts, 'idle');

export interface StatusLineProps {
  showHelp: () => void;
  openFile: (file: File) => void;
}

/** Always true: how far behind, what was lost, what the log is. */
export function StatusLine({ showHelp, openFile }: StatusLineProps) {
  const store = useStore();
  const chooser = useRef<HTMLInputElement>(null);
  const loss = store.loss.value;
  const readers = Number(store.stats.value?.readers?.readers ?? 0);
  return (
    <footer class="status">
      <span class="status-words">{wordsOf(store)}</span>
      <span class={loss.missed > 0 ? 'is-warn' : ''}>{formatNumber(loss.missed)} lost</span>
      {loss.sampled > 1 && <span class="is-warn">one in {loss.sampled} shown, errors always</span>}
      {loss.dropped > 0 && <span class="is-warn">{formatNumber(loss.dropped)} dropped by applications</span>}
      <LogFacts />
      {readers > 0 && <span class="wide">{formatCount(readers, 'reader')}</span>}
      <span class="spring" />
      <button type="button" class="quiet" title="Rows of this view as NDJSON" onClick={() => void save(store)}>
        export
      </button>
      <button
        type="button"
        class="quiet"
        title="Show such a file; or drop it on the page"
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

async function save(store: Store): Promise<void> {
  (await import('./save-view.ts')).saveView(store);
}
