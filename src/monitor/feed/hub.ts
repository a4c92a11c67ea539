import { piecesOf } from './lines.ts';
import { openStream, type Stream, type StreamOptions, type StreamState } from './stream.ts';

/** What a tab says to the hub. */
export type TabMessage = { type: 'subscribe'; filter: string; id: number } | { type: 'retry' } | { type: 'bye' };

/**
 * What the hub says to a tab, with the `id` of what that subscribed to last: an answer to what it asked before may still be
 * under way. All plain data: it goes through a MessagePort or a BroadcastChannel.
 */
export type HubMessage =
  /** What is appended from now on follows. `isFiltered` is false where the tab has to filter by itself. */
  | { type: 'joined'; id: number; isFiltered: boolean }
  | { type: 'lines'; id: number; text: string }
  | { type: 'state'; state: StreamState };

/** A line to one tab. */
export type ToTab = (message: HubMessage) => void;

export interface Hub {
  /** A tab that came; what it returns takes the tab's messages. */
  connect(toTab: ToTab): (message: TabMessage) => void;
  readonly streams: number;
  close(): void;
}

/** Connections of their own for so many filters; browsers give an origin six connections over HTTP/1.1. */
const FILTERED_STREAMS_MAX = 2;

interface Tab {
  id: number;
  isJoined: boolean;
  isFiltered: boolean;
}

interface Channel {
  stream: Stream;
  state: StreamState;
  tabs: Map<ToTab, Tab>;
}

/**
 * The connections of all tabs: tabs with the same filter share one, and from the third distinct filter on the tabs share
 * the unfiltered one and filter by themselves.
 */
export function createHub(options: Pick<StreamOptions, 'base' | 'headers' | 'retryMs' | 'retryMaxMs'>): Hub {
  /** By the filter of the connection. */
  const channels = new Map<string, Channel>();

  function channelFor(filter: string): [string, Channel] {
    const filtered = [...channels.keys()].filter((key) => key !== '').length;
    const key = channels.has(filter) || filtered < FILTERED_STREAMS_MAX ? filter : '';
    let channel = channels.get(key);
    if (channel === undefined) {
      channel = open(key);
      channels.set(key, channel);
    }
    return [key, channel];
  }

  function open(filter: string): Channel {
    const tabs: Channel['tabs'] = new Map();
    const channel: Channel = {
      tabs,
      state: { state: 'connecting' },
      stream: openStream({
        ...options,
        filter,
        onLines: (text) => {
          for (const piece of piecesOf(text)) {
            for (const [toTab, tab] of tabs) {
              join(toTab, tab);
              toTab({ type: 'lines', id: tab.id, text: piece });
            }
          }
        },
        onState: (state) => {
          channel.state = state;
          for (const [toTab] of tabs) toTab({ type: 'state', state });
        },
      }),
    };
    return channel;
  }

  function join(toTab: ToTab, tab: Tab): void {
    if (tab.isJoined) return;
    tab.isJoined = true;
    toTab({ type: 'joined', id: tab.id, isFiltered: tab.isFiltered });
  }

  function leave(toTab: ToTab): void {
    for (const [key, channel] of channels) {
      if (!channel.tabs.delete(toTab) || channel.tabs.size > 0) continue;
      channel.stream.close();
      channels.delete(key);
    }
  }

  return {
    connect(toTab) {
      return (message) => {
        if (message.type === 'retry') {
          for (const channel of channels.values()) if (channel.tabs.has(toTab)) channel.stream.retryNow();
          return;
        }
        leave(toTab);
        if (message.type === 'bye') return;
        const [key, channel] = channelFor(message.filter);
        const tab = { id: message.id, isJoined: false, isFiltered: key === message.filter };
        channel.tabs.set(toTab, tab);
        toTab({ type: 'state', state: channel.state });
        const { state } = channel.state;
        // A stream under way may be silent for long.
        if (state === 'live') join(toTab, tab);
        // Another tab may have signed in since.
        else if (state === 'denied' || state === 'refused') channel.stream.retryNow();
      };
    },
    get streams() {
      return channels.size;
    },
    close() {
      for (const channel of channels.values()) channel.stream.close();
      channels.clear();
    },
  };
}
