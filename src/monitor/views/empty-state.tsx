import type { ComponentChildren } from 'preact';
import { useMonitor, useStore } from './context.ts';
import { later } from './later.tsx';

const Nothing = later(async () => (await import('./nothing.tsx')).Nothing);

/** What to do next, where there are no rows. */
export function EmptyState() {
  const monitor = useMonitor();
  const { store } = monitor;
  const connection = store.connection.value;
  switch (connection.state) {
    case 'denied':
      return (
        <Empty title="This server asks you to sign in." detail={connection.detail}>
          <button type="button" onClick={() => location.reload()}>
            Sign in
          </button>{' '}
          with the token that the server was started with (LIVESPAN_TOKEN).
        </Empty>
      );
    case 'overloaded':
      return (
        <Empty title="The server cannot take another reader now." detail={connection.detail}>
          This page tries again by itself. <Retry />
        </Empty>
      );
    case 'refused':
      return (
        <Empty title="The server does not take this filter." detail={connection.detail}>
          <ClearFilter />
        </Empty>
      );
    case 'reconnecting':
      return (
        <Empty title="livespan cannot be reached." detail={connection.detail}>
          Is it running? Start it with: <code>npx livespan serve</code> <Retry />
        </Empty>
      );
    default:
      return store.isLoaded.value ? <Nothing /> : <Loading />;
  }
}

/** Rows to come; if that takes longer, words. */
function Loading() {
  return (
    <div class="skeleton">
      <p>Loading the newest activities …</p>
    </div>
  );
}

export function Empty({
  title,
  detail,
  children,
}: {
  title: string;
  detail?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="empty">
      <h2>{title}</h2>
      {detail !== undefined && <p>{detail}</p>}
      <p>{children}</p>
    </section>
  );
}

function Retry() {
  const monitor = useMonitor();
  return (
    <button type="button" onClick={() => monitor.retry()}>
      Try now
    </button>
  );
}

export function ClearFilter() {
  const store = useStore();
  return (
    <button type="button" onClick={() => store.filter.apply('')}>
      Clear the filter
    </button>
  );
}
