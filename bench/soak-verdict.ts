import type { ProcessSample } from './soak-process.ts';

/** Everything that is measured at one moment. */
export interface Minute {
  /** Since the start, min. */
  minute: number;
  inServer: ProcessSample;
  inApp: ProcessSample;
  /** Readers connected at that moment. */
  connected: number;
  redisBytes: number;
  redisClients: number;
  /** As printed, one a title. */
  cells: string[];
}

export const TITLES = [
  'min',
  'server heap MiB',
  'server RSS MiB',
  'server fds',
  'readers',
  'app heap MiB',
  'app RSS MiB',
  'app fds',
  'Redis MiB',
  'Redis clients',
  'published',
  'delivered',
  'connections',
  'server CPU',
];

const MIB = 1_048_576;
/** The ring and the log fill first: 100,000 entries are 50 s, the heap's own sizing takes longer. */
export const WARM_UP_SHARE = 0.2;

interface Bound {
  what: string;
  pick: (minute: Minute) => number;
  /** Growth over the run that is no growth: a share of the mean, and an absolute part. */
  share: number;
  slack: number;
  unit: string;
  scale: number;
}

const BOUNDS: readonly Bound[] = [
  bytes('server heap', ({ inServer }) => inServer.heapBytes, 0.1, 4),
  bytes('server RSS', ({ inServer }) => inServer.rssBytes, 0.15, 16),
  count('server descriptors beside readers', ({ inServer, connected }) => inServer.descriptors - connected, 5),
  bytes('application heap', ({ inApp }) => inApp.heapBytes, 0.1, 4),
  bytes('application RSS', ({ inApp }) => inApp.rssBytes, 0.15, 16),
  count('application descriptors', ({ inApp }) => inApp.descriptors, 2),
  bytes('Redis memory', ({ redisBytes }) => redisBytes, 0.05, 4),
  count('Redis clients', ({ redisClients }) => redisClients, 3),
];

function bytes(what: string, pick: Bound['pick'], share: number, slackMib: number): Bound {
  return { what, pick, share, slack: slackMib * MIB, unit: 'MiB', scale: MIB };
}

function count(what: string, pick: Bound['pick'], slack: number): Bound {
  return { what, pick, share: 0, slack, unit: '', scale: 1 };
}

/** What grew after the warm-up: the straight line through the samples, from its first to its last. */
export function findings(samples: readonly Minute[]): string[] {
  const warm = samples.slice(Math.ceil(samples.length * WARM_UP_SHARE));
  const times = warm.map(({ minute }) => minute);
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  return BOUNDS.flatMap(({ what, pick, share, slack, unit, scale }) => {
    const values = warm.map(pick);
    const growth = slope(times, values) * span;
    const allowed = mean(values) * share + slack;
    if (growth <= allowed) return [];
    const text = (value: number): string => (value / scale).toFixed(1);
    return [`${what} grew by ${text(growth)} ${unit} in ${span.toFixed(0)} min; ${text(allowed)} would be flat`];
  });
}

/** Least squares. */
export function slope(xs: readonly number[], ys: readonly number[]): number {
  const x0 = mean(xs);
  const y0 = mean(ys);
  const covariance = xs.reduce((sum, x, index) => sum + (x - x0) * ((ys[index] ?? 0) - y0), 0);
  const variance = xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

export function rowText(cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padStart(TITLES[index]?.length ?? 0)).join('  ');
}

export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
