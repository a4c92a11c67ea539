import { useMonitor } from './context.ts';
import { ClearFilter, Empty } from './empty.tsx';

/**
 * The connection does not bring anything, and there is nothing to show from before. Part of the first load: without a
 * server nothing more can be loaded.
 */
export function Trouble() {
  const connection = useMonitor().store.connection.value;
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
      return null;
  }
}

function Retry() {
  const monitor = useMonitor();
  return (
    <button type="button" onClick={monitor.retry}>
      Try now
    </button>
  );
}
