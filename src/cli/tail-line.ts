import type { Activity, AttributeValue, Severity } from '../activity/activity.ts';
import type { FeedMessage } from '../feed/open-feed.ts';
import { type Output, printable, type Style } from './output.ts';

type Paint = Pick<Output, 'paint'>;

const SEVERITY_STYLES: Readonly<Record<Severity, Style>> = {
  trace: 'dim',
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: ['red', 'bold'],
};

/** Attribute values are for recognising something, not for reading it: `--json` has them whole. */
const VALUE_CHARS_MAX = 80;

/** `00:22:37.123 INFO  gateway  gateway.request_received  Request received  call=call-123 trace=4bf92f35 stream=true` */
export function activityLine(activity: Activity, { paint }: Paint): string {
  const { time, severity, service, name, summary, attributes } = activity;
  const parts = [
    paint('dim', time.slice(11, 23)),
    paint(SEVERITY_STYLES[severity], severity.toUpperCase().padEnd(5)),
    service === undefined ? '' : paint('cyan', printable(service)),
    `${paint('bold', printable(name))}${spanText(activity, { paint })}`,
    summary === undefined ? '' : printable(summary),
    paint('dim', [...reference(activity), ...Object.entries(attributes).map(attributeText)].join(' ')),
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function spanText({ kind, status, statusMessage, durationMs }: Activity, { paint }: Paint): string {
  if (kind === 'span.start') return paint('dim', ' ▶');
  if (kind !== 'span.end') return '';
  const duration = durationMs === undefined ? '' : ` ${durationMs.toFixed(durationMs < 10 ? 2 : 0)} ms`;
  if (status !== 'error') return `${paint('dim', ' ■')}${duration}`;
  return `${paint('red', ` ■ failed${statusMessage ? `: ${printable(statusMessage)}` : ''}`)}${duration}`;
}

/** The first characters of a trace id are enough to tell traces apart, and a filter takes them: `trace:4bf92f35*`. */
function reference({ callId, traceId }: Activity): string[] {
  return [
    ...(callId === undefined ? [] : [`call=${printable(callId)}`]),
    ...(traceId === undefined ? [] : [`trace=${traceId.slice(0, 8)}`]),
  ];
}

function attributeText([key, value]: [string, AttributeValue]): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const shown = text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX).toWellFormed()}…` : text;
  return printable(`${key}=${typeof value === 'string' && /[\s"]|^$/.test(shown) ? JSON.stringify(shown) : shown}`);
}

/** Whatever was lost is said where it is missing. */
export function controlLine(message: Exclude<FeedMessage, { type: 'activity' }>, { paint }: Paint): string {
  switch (message.type) {
    case 'gap':
      return paint('yellow', `--- gap: ${message.missed} entries are no longer in the log`);
    case 'lagged':
      return paint('yellow', `--- lagged: ${message.missed} entries were skipped, this reader was too slow`);
    default:
      return paint('yellow', '--- reset: the log was made anew; it goes on with what is there');
  }
}
