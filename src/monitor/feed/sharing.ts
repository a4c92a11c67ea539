import type { ClientOptions } from './client.ts';
import type { HubMessage, TabMessage } from './hub.ts';

type Connect = ClientOptions['connect'];

export interface Sharing {
  /** How tabs share: for the health view. */
  readonly way: 'worker' | 'leader' | 'alone';
  connect: Connect;
  /** This tab goes. A worker that cannot watch a lock would not notice. */
  leave(): void;
  close(): void;
}

/** As much of a SharedWorker as is needed. */
interface WorkerDoor {
  addEventListener(type: 'error', listener: () => void): void;
  readonly port: {
    postMessage(message: unknown): void;
    onmessage: ((event: MessageEvent) => void) | null;
    close(): void;
  };
}

/** The best way that this browser has; without any, every tab has a connection of its own. */
export function createSharing(base: string, openWorker: (() => WorkerDoor) | undefined): Sharing {
  if (openWorker !== undefined) {
    try {
      return shareByWorker(openWorker);
    } catch {
      // Forbidden here (a private window, a policy): the next best way.
    }
  }
  const canLead = typeof BroadcastChannel === 'function' && navigator.locks !== undefined;
  return later(canLead ? 'leader' : 'alone', async () => {
    const { createLeaderSharing, createLoneSharing } = await import('./sharing-without-worker.ts');
    return canLead ? createLeaderSharing(base) : createLoneSharing(base);
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
    leave: () => void loading.then((sharing) => sharing.leave()),
    close() {
      isClosed = true;
      void loading.then((sharing) => sharing.close());
    },
  };
}

/** How soon a worker is opened again whose file could not be loaded. */
const REOPEN_MS = 2_000;

function shareByWorker(openWorker: () => WorkerDoor): Sharing {
  // Not `randomUUID`: over plain HTTP a browser has it on loopback addresses only.
  const lock = `livespan-tab-${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
  let port: WorkerDoor['port'] | undefined;
  let isLockHeld = false;
  let hear: ((message: HubMessage) => void) | undefined;
  let rejoin: (() => void) | undefined;
  let sinceMs: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function open(): void {
    timer = undefined;
    const worker = openWorker();
    port = worker.port;
    port.onmessage = ({ data }) => hear?.(data as HubMessage);
    worker.addEventListener('error', fail);
    if (isLockHeld) port.postMessage({ type: 'tab', lock });
    rejoin?.();
  }

  /** The server went away before the worker was there, so nobody else can say it. */
  function fail(): void {
    const nowMs = Date.now();
    sinceMs ??= nowMs;
    const detail = 'The server cannot be reached';
    hear?.({
      type: 'state',
      state: { state: 'reconnecting', sinceMs, attempt: 0, retryAtMs: nowMs + REOPEN_MS, detail },
    });
    timer = setTimeout(open, REOPEN_MS);
  }

  open();
  // Held until the tab is gone, however it goes. Named to the worker only once it is held: asked for by both at the same
  // time, the worker may get it first and take the tab for gone.
  void navigator.locks?.request(lock, () => {
    isLockHeld = true;
    port?.postMessage({ type: 'tab', lock });
    return new Promise(() => undefined);
  });
  return {
    way: 'worker',
    connect(onMessage, onGone) {
      hear = onMessage;
      rejoin = onGone;
      return (message) => {
        if (timer === undefined) port?.postMessage(message);
        else if (message.type === 'retry') {
          clearTimeout(timer);
          open();
        }
      };
    },
    leave: () => port?.postMessage({ type: 'bye' } satisfies TabMessage),
    close() {
      clearTimeout(timer);
      port?.close();
    },
  };
}
