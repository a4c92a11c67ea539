import type { Activity } from '../../activity/activity.ts';
import { formatCount, formatDuration } from './figures.ts';
import type { Entry, Row } from './model.ts';

/** The activities behind a row, oldest first. */
export function entriesOf(row: Row): readonly Entry[] {
  if (row.type === 'span') return [row.start, ...row.nested, row.end].filter((entry) => entry !== undefined);
  return 'entry' in row ? [row.entry] : [];
}

/** Events and log records of a span that were seen and are no longer there. */
export function notHeldOf(row: Row): number {
  return row.type === 'span' ? row.nestedCount - row.nested.length : 0;
}

/** Indented JSON: one activity, or a list of them; what it lacks is counted in its last part. */
export function asJson(row: Row): string {
  const parts: unknown[] = entriesOf(row).map(({ cursor, activity }) => ({ cursor, ...activity }));
  const notHeld = notHeldOf(row);
  if (notHeld > 0) parts.push({ notHeld });
  return JSON.stringify(parts.length === 1 ? parts[0] : parts, undefined, 2);
}

/** For an issue or a chat: a heading, a table of the attributes, the events below it. */
export function asMarkdown(row: Row): string {
  const entries = entriesOf(row);
  const main = row.type === 'span' ? (row.end ?? row.start) : entries[0];
  if (main === undefined) return '';
  const { activity } = main;
  const took = row.type === 'span' && row.durationMs !== undefined ? ` in ${formatDuration(row.durationMs)}` : '';
  const state = row.type === 'span' ? `${row.state}${took}` : activity.severity;
  const lines = [`### ${code(activity.name)}: ${state}`, ''];
  if (activity.summary !== undefined) lines.push(escapeMarkdown(activity.summary), '');
  lines.push('| field | value |', '|---|---|');
  for (const [name, value] of factsOf(activity)) lines.push(`| ${code(name)} | ${code(String(value))} |`);
  const nested = entries.filter((entry) => entry !== main && entry.activity.kind !== 'span.start');
  if (nested.length > 0) lines.push('');
  for (const entry of nested) {
    const { time, severity, name, summary } = entry.activity;
    lines.push(`- ${time} ${severity} ${code(name)}${summary === undefined ? '' : ` ${escapeMarkdown(summary)}`}`);
  }
  if (notHeldOf(row) > 0) lines.push(`- ${formatCount(notHeldOf(row), 'more event')}, not held`);
  return `${lines.join('\n')}\n`;
}

/** A command that gets the same from the server: the trace where there is one, else the activity by its id. */
export function asCurl(row: Row, origin: string, needsToken: boolean): string {
  const activity = entriesOf(row)[0]?.activity;
  if (activity === undefined) return '';
  const url =
    activity.traceId === undefined
      ? `${origin}/activity?${new URLSearchParams({ filter: `id:${activity.id}` })}`
      : `${origin}/traces/${activity.traceId}`;
  const token = needsToken ? ` -H "Authorization: Bearer $LIVESPAN_TOKEN"` : '';
  return `curl -s${token} ${quoteForShell(url)}`;
}

function factsOf(activity: Activity): [string, unknown][] {
  const { time, service, instance, callId, traceId, spanId, statusMessage, attributes } = activity;
  const own = { time, service, instance, callId, traceId, spanId, statusMessage };
  return [...Object.entries(own), ...Object.entries(attributes)].filter(([, value]) => value !== undefined);
}

/** As code, so that nothing in it is read as Markdown; a fence longer than any in the text, `|` kept out of the table. */
function code(text: string): string {
  const flat = text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${flat}${fence}` : `${fence} ${flat} ${fence}`;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_{}[\]<>#|!]/g, '\\$&');
}

/** Single quotes hold everything but themselves. */
function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
