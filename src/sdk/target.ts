import type { AppendRequest, AppendResult, Bus } from '../bus/bus.ts';

/** One activity of an appended batch that the other side refused for good. */
export interface Rejection {
  index: number;
  code: string;
  message: string;
}

export type TargetResult = AppendResult & { rejected?: readonly Rejection[] };

/** Where batches go: a bus, or a livespan server. `append` never rejects. */
export interface Target {
  /** For people, without credentials. */
  readonly description: string;
  /** Numbered batches that may be in flight at once. */
  readonly inFlightMax: number;
  append(request: AppendRequest): Promise<TargetResult>;
  close(): Promise<void>;
}

export interface TargetOptions {
  url: string;
  feed: string;
  token: string | undefined;
  logCountMax?: number | undefined;
  logAgeMaxMs?: number | undefined;
}

const BUS_IN_FLIGHT_MAX = 4;

/** Loads what the URL needs, not before. Rejects with `invalid_option` for a URL that means nothing. */
export async function openTarget(options: TargetOptions): Promise<Target> {
  if (/^https?:/i.test(options.url)) {
    const { createHttpTarget } = await import('./http-target.ts');
    return createHttpTarget(options);
  }
  const { openBus } = await import('../bus/open-bus.ts');
  const { url, feed, logCountMax, logAgeMaxMs } = options;
  const bus = await openBus({
    url,
    feed,
    ...(logCountMax !== undefined && { logCountMax }),
    ...(logAgeMaxMs !== undefined && { logAgeMaxMs }),
  });
  return busTarget(bus);
}

/** A bus fails fast until it is connected: only the first append waits for that, later ones are retried with back-off. */
export function busTarget(bus: Bus): Target {
  let first: Promise<void> | undefined;
  return {
    description: bus.description,
    inFlightMax: BUS_IN_FLIGHT_MAX,
    async append(request) {
      // Why it is not ready is what append answers; here only the waiting matters.
      first ??= bus.ready().catch(() => undefined);
      if (!bus.status().connected) await first;
      return bus.append(request);
    },
    close: () => bus.close(),
  };
}
