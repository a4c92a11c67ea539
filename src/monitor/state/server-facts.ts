/** `GET /monitor/config.json`: what the server tells the page about itself. */
export interface MonitorConfig {
  /** Template of a link into a trace backend, with `{traceId}`. */
  traceUrl?: string;
  /** Whether a token is asked for, so that signing out makes sense. */
  signedIn?: boolean;
}

/** `GET /stats`, as far as the page reads it; everything may be absent when the server is of another version. */
export interface ServerStats {
  /** When the page got it, ms. */
  atMs: number;
  startedAt?: string;
  uptimeSeconds?: number;
  log?: {
    description?: string;
    connected?: boolean;
    warnings?: readonly string[];
    epoch?: number;
    first?: string;
    last?: string;
    length?: number;
    countMax?: number;
    bytes?: number;
    bytesMax?: number;
    ageMaxMs?: number;
    instances?: number;
    problem?: { code: string; message: string };
  };
  feed?: Readonly<Record<string, number | boolean>>;
  readers?: Readonly<Record<string, unknown>>;
  ingest?: Readonly<Record<string, unknown>>;
  instanceWatch?: Readonly<Record<string, number>>;
  memory?: { rssBytes: number; heapUsedBytes: number };
}

/** The link into the trace backend; `undefined` without a template or a trace. Only http and https links are made. */
export function traceLink(config: MonitorConfig, traceId: string | undefined): string | undefined {
  if (config.traceUrl === undefined || traceId === undefined) return undefined;
  const url = config.traceUrl.replaceAll('{traceId}', encodeURIComponent(traceId));
  return /^https?:\/\//i.test(url) ? url : undefined;
}

/** What to call the trace backend in "Open in …", by the look of its address. */
export function traceBackendName(config: MonitorConfig): string {
  const text = (config.traceUrl ?? '').toLowerCase();
  if (text.includes('jaeger') || text.includes(':16686')) return 'Jaeger';
  // Grafana's address names the data source that it asks.
  if (text.includes('grafana') || text.includes('/explore')) return 'Grafana';
  if (text.includes('tempo')) return 'Tempo';
  if (text.includes('zipkin')) return 'Zipkin';
  return 'the trace backend';
}
