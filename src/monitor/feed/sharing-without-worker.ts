import { createHub, type Hub, type HubMessage, type TabMessage } from './hub.ts';
import type { Sharing } from './sharing.ts';

/** Every tab for itself. */
export function createLoneSharing(base: string, hub: Hub = createHub({ base })): Sharing {
  return {
    way: 'alone',
    connect: (onMessage) => hub.connect(onMessage),
    leave: () => hub.close(),
    close: () => hub.close(),
  };
}

/** On the channel: from a tab to the leader, from the leader to a tab, and the leader's first words. */
type Letter =
  | { to: 'leader'; from: string; message: TabMessage }
  | { to: string; message: HubMessage }
  | { to: 'all'; isLed: true };

const LEADER_LOCK = 'livespan-leader';

/** One tab holds the connections for all; when it goes, another takes over and the tabs go on from where they are. */
export function createLeaderSharing(base: string): Sharing {
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

  channel.onmessage = (event: MessageEvent) => {
    const data = event.data as Letter;
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
    // The locks that this tab holds tell the others.
    leave: () => undefined,
    close() {
      leaving.abort();
      hub?.close();
      channel.close();
    },
  };
}
