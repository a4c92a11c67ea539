import type { ClientOptions } from './client.ts';
import type { HubMessage, TabMessage } from './hub.ts';

type Connect = ClientOptions['connect'];

export interface Sharing {
  /** How tabs share: for the health view. */
  readonly way: 'worker' | 'leader' | 'alone';
  connect: Connect;
  close(): void;
}

/** The best way that this browser has; without any, every tab has a connection of its own. */
export function createSharing(base: string, openWorker: (() => SharedWorker) | undefined): Sharing {
  if (openWorker !== undefined && typeof SharedWorker === 'function') {
    try {
      return shareByWorker(openWorker());
    } catch {
      // Forbidden here (a private window, a policy): the next best way.
    }
  }
  const canLead = typeof BroadcastChannel === 'function' && navigator.locks !== undefined;
  return later(canLead ? 'leader' : 'alone', async () => {
    const { shareByLeader, shareNothing } = await import('./sharing-without-worker.ts');
    return canLead ? shareByLeader(base) : shareNothing(base);
  });
}

/** Few browsers need the code of the other ways, so it is no part of the first load. */
function later(way: Sharing['way'], load: () => Promise<Sharing>): Sharing {
  let isClosed = false;
  const loading = load();
  return {
    way,
    connect(onMessage, onGone) {
      const connected = loading.then((sharing) => sharing.connect(onMessage, onGone));
      return (message) => void connected.then((send) => isClosed || send(message));
    },
    close() {
      isClosed = true;
      void loading.then((sharing) => sharing.close());
    },
  };
}

function shareByWorker(worker: SharedWorker): Sharing {
  const lock = `livespan-tab-${crypto.randomUUID()}`;
  // Held until the tab is gone, however it goes.
  void navigator.locks?.request(lock, () => new Promise(() => undefined));
  const { port } = worker;
  return {
    way: 'worker',
    connect(onMessage) {
      port.onmessage = ({ data }: MessageEvent<HubMessage>) => onMessage(data);
      port.postMessage({ type: 'tab', lock });
      addEventListener('pagehide', () => port.postMessage({ type: 'bye' } satisfies TabMessage));
      return (message) => port.postMessage(message);
    },
    close: () => port.close(),
  };
}
