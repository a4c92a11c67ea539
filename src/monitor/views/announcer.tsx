import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { formatCount } from '../state/figures.ts';
import type { Store } from '../state/store.ts';
import { useStore } from './context.ts';
import { wordsOf } from './status-words.ts';

/** So often at most something is said: who listens to the page must be able to get anything else done. */
const EVERY_MS = 5_000;

/** The one live region of the page: what changed in kind, never each row or count. */
export function Announcer() {
  const store = useStore();
  const said = useSignal('');
  useEffect(() => {
    let state = '';
    let errors = store.totals.peek().errors;
    const say = (): void => {
      const next = stateOf(store);
      const total = store.totals.peek().errors;
      const fresh = total - errors;
      errors = total;
      if (next !== state) said.value = next;
      else if (fresh > 0 && store.isLoaded.peek()) said.value = formatCount(fresh, 'new error');
      state = next;
    };
    say();
    const timer = setInterval(say, EVERY_MS);
    return () => clearInterval(timer);
  }, [store, said]);
  return (
    <div class="sr-only" role="status" aria-live="polite">
      {said.value}
    </div>
  );
}

/** Without the counts, which never stand still. */
function stateOf(store: Store): string {
  if (store.pause.peek() !== undefined) return 'Paused';
  if (store.travel.peek() !== undefined) return 'Replaying the log';
  if (store.behind.peek() > 0) return 'Behind';
  return wordsOf(store);
}
