import type { ClientOptions } from './client.ts';
import { createHub, type Hub, type HubMessage, type TabMessage } from './hub.ts';

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
  if (typeof BroadcastChannel === 'function' && typeof navigator !== 'undefined' && navigator.locks !== undefined) {
    return shareByLeader(base);
  }
  return shareNothing(base);
}

/** Every tab for itself. */
export function shareNothing(base: string, hub: Hub = createHub({ base })): Sharing {
  return { way: 'alone', connect: (onMessage) => hub.connect(onMessage), close: () => hub.close() };
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

/** On the channel: from a tab to the leader, from the leader to a tab, and the leader's first words. */
type Letter =
  | { to: 'leader'; from: string; message: TabMessage }
  | { to: string; message: HubMessage }
  | { to: 'all'; isLed: true };

const LEADER_LOCK = 'livespan-leader';

/** One tab holds the connections for all; when it goes, another takes over and the tabs go on from where they are. */
export function shareByLeader(base: string): Sharing {
  const me = crypto.randomUUID();
  const channel = new BroadcastChannel('livespan');
  const leaving = new AbortController();
  let hub: Hub | undefined;
  let onMessage: ((message: HubMessage) => void) | undefined;
  let onGone: (() => void) | undefined;
  /** Tabs by id, in the leader; its own among them. */
  const tabs = new Map<string, (message: TabMessage) => void>();

  function lead(): void {
    hub = createHub({ base });
    tellAll();
    onGone?.();
  }

  function tellAll(): void {
    channel.postMessage({ to: 'all', isLed: true } satisfies Letter);
  }

  function deliver(from: string, message: TabMessage): void {
    if (hub === undefined) return;
    let hear = tabs.get(from);
    if (hear === undefined) {
      hear = hub.connect((answer) => {
        if (from === me) onMessage?.(answer);
        else channel.postMessage({ to: from, message: answer } satisfies Letter);
      });
      tabs.set(from, hear);
      if (from !== me) void navigator.locks.request(`livespan-tab-${from}`, () => forget(from));
    }
    hear(message);
  }

  function forget(from: string): void {
    tabs.get(from)?.({ type: 'bye' });
    tabs.delete(from);
  }

  channel.onmessage = ({ data }: MessageEvent<Letter>) => {
    if (data.to === 'all') onGone?.();
    else if (data.to === 'leader' && 'from' in data) deliver(data.from, data.message);
    else if (data.to === me) onMessage?.((data as { message: HubMessage }).message);
  };
  const held = (): Promise<void> =>
    new Promise((resolve) => leaving.signal.addEventListener('abort', () => resolve(), { once: true }));
  void navigator.locks.request(`livespan-tab-${me}`, held);
  navigator.locks
    .request(LEADER_LOCK, { signal: leaving.signal }, () => {
      lead();
      return held();
    })
    .catch(() => undefined);

  return {
    way: 'leader',
    connect(message, gone) {
      onMessage = message;
      onGone = gone;
      return (sent) => {
        if (hub !== undefined) deliver(me, sent);
        else channel.postMessage({ to: 'leader', from: me, message: sent } satisfies Letter);
      };
    },
    close() {
      leaving.abort();
      hub?.close();
      channel.close();
    },
  };
}
