import { useStore } from './context.ts';
import { later } from './later.tsx';
import { Trouble } from './trouble.tsx';

const Nothing = later(async () => (await import('./nothing.tsx')).Nothing);

/** What to do next, where there are no rows. */
export function EmptyState() {
  const store = useStore();
  // All that is wrong with a connection has words for it.
  if ('detail' in store.connection.value) return <Trouble />;
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
