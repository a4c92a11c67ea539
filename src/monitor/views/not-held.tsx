import { parseCursor } from '../../activity/cursor.ts';
import { formatTime } from '../state/figures.ts';
import { useStore } from './context.ts';

/** In place of a record that is not there: it is being looked for, or it is gone. */
export function NotHeld({ what }: { what: 'trace' | 'call' | 'row' }) {
  const store = useStore();
  const lookup = store.lookup.value;
  if (store.connection.value.state === 'file') return <p class="muted">The file does not have this {what}.</p>;
  if (lookup?.state === 'absent') {
    const first = parseCursor(store.stats.value?.log?.first ?? '');
    const reach = first === undefined ? '' : `, which goes back to ${formatTime(first.ms * 1_000)}`;
    return (
      <p class="muted">
        This {what} is not in the log{reach}. It was trimmed, or the link is of another log.
      </p>
    );
  }
  if (lookup?.state === 'failed') {
    return (
      <p class="is-error">
        This {what} is not among the rows, and the log could not be asked: {lookup.detail}
      </p>
    );
  }
  return <p class="muted">Looking for this {what} in the log …</p>;
}
