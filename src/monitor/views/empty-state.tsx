import { useStore } from './context.ts';
import { later } from './later.tsx';
import { Trouble } from './trouble.tsx';

const Nothing = later(async () => (await import('./nothing.tsx')).Nothing);
const IN_TROUBLE: ReadonlySet<string> = new Set(['denied', 'overloaded', 'refused', 'reconnecting']);

/** What to do next, where there are no rows. */
export function EmptyState() {
  const store = useStore();
  if (IN_TROUBLE.has(store.connection.value.state)) return <Trouble />;
  return store.isLoaded.value ? <Nothing /> : <Loading />;
}

/** Rows to come; if that takes longer, words. */
function Loading() {
  return (
    <div class="skeleton">
      <p>Loading the newest activities …</p>
    </div>
  );
}
