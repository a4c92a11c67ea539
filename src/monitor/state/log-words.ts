import { formatBytes, formatDuration, formatNumber } from './figures.ts';
import type { ServerStats } from './server-facts.ts';

/** `log 12,345 of 100,000 · redis 7.0.15 at 127.0.0.1:6379`: how full the log is, by the limit that it will reach first. */
export function logWords(log: NonNullable<ServerStats['log']>): string {
  const held = log.length === undefined ? 'not reached' : fullness(log, log.length);
  return [`log ${held}`, log.description].filter((words) => words !== undefined).join(' · ');
}

function fullness({ countMax, bytes, bytesMax, ageMaxMs }: NonNullable<ServerStats['log']>, length: number): string {
  const age = ageMaxMs === undefined ? '' : `, kept for ${formatDuration(ageMaxMs)}`;
  if (countMax === undefined) return formatNumber(length) + age;
  if (bytes !== undefined && bytesMax !== undefined && bytes / bytesMax > length / countMax)
    return `${formatNumber(length)}, ${formatBytes(bytes)} of ${formatBytes(bytesMax)}${age}`;
  // Redis trims in large steps, and its other writers may keep more.
  if (length > countMax) return `${formatNumber(length)}, at least ${formatNumber(countMax)} are kept${age}`;
  return `${formatNumber(length)} of ${formatNumber(countMax)}${age}`;
}
