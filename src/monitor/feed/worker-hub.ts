import { createHub, type HubMessage, type TabMessage } from './hub.ts';

/** The SharedWorker: one hub for all tabs of this origin. Built as a file of its own, as the CSP asks. */
interface WorkerScope {
  onconnect: ((event: MessageEvent) => void) | null;
  readonly location: { pathname: string };
}

const scope = self as unknown as WorkerScope;
/** Served below `<base>/monitor/`; where a proxy puts livespan below a path, the routes are there too. */
const base = scope.location.pathname.slice(0, Math.max(0, scope.location.pathname.indexOf('/monitor/')));
const hub = createHub({ base });

scope.onconnect = ({ ports: [port] }) => {
  if (port === undefined) return;
  const hear = hub.connect((message: HubMessage) => port.postMessage(message));
  port.onmessage = ({ data }: MessageEvent<TabMessage | { type: 'tab'; lock: string }>) => {
    if (data.type !== 'tab') hear(data);
    // A port does not tell that its tab is gone; the lock that the tab holds while it lives does.
    else void navigator.locks?.request(data.lock, () => hear({ type: 'bye' }));
  };
};
