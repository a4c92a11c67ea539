import { encodeActivity, withCursor } from '../activity/codec.ts';
import { parseFilter } from '../activity/filter.ts';
import { parseSince } from '../activity/since.ts';
import { readOptions } from '../config.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import { type FeedMessage, openFeed } from '../feed/open-feed.ts';
import { usageError } from './arguments.ts';
import type { Call, Command } from './command.ts';
import { refuseCredentials, tokenSentence } from './http-probe.ts';
import { catchInterrupt } from './interrupt.ts';
import type { Output } from './output.ts';
import { READER_URL_DEFAULT, withoutCredentials } from './serving.ts';
import { activityLine, controlLine } from './tail-line.ts';

export const tail: Command = {
  name: 'tail',
  summary: 'Follow the feed in the terminal, one line an activity',
  usage: '[filter] [flags]',
  examples: [
    { line: "livespan tail 'name:gateway.*'", doc: 'Events of a gateway, as they happen' },
    {
      line: "livespan tail 'severity:>=warn -name:health' --since 10m",
      doc: 'Warnings and worse, from ten minutes ago on',
    },
    {
      line: "livespan tail --json '@http.status_code:>=500' | jq .traceId",
      doc: 'For a program: one JSON object a line',
    },
  ],
  options: ['url', 'feed', 'token'],
  ownOptions: [
    {
      name: 'since',
      value: 'start',
      doc: 'Where to start: a duration (5m), an ISO time or a cursor; 0-0 is the beginning',
    },
    { name: 'count', value: 'n', doc: 'End after this many activities' },
    { name: 'json', doc: 'The activities as JSON, one a line, with their cursor' },
  ],
  operandsMax: 1_000,
  takesFilter: true,
  run,
};

async function run(call: Call): Promise<number> {
  const { own, output } = call;
  const countMax = readCount(own.count);
  const interrupt = catchInterrupt();
  const signal = AbortSignal.any([interrupt.signal, output.unread]);
  const write = own.json ? writeJson : writeLine;
  let count = 0;
  try {
    for await (const message of open(call, signal)) {
      await write(message, output);
      if (message.type === 'activity') count += 1;
      if (count === countMax) break;
    }
  } catch (thrown) {
    throw explain(thrown, call);
  } finally {
    interrupt.release();
  }
  return interrupt.exitCode();
}

function open({ given, own, operands, output }: Call, signal: AbortSignal): AsyncIterable<FeedMessage> {
  const { url = READER_URL_DEFAULT, feed, token } = readOptions(['url', 'feed', 'token'], given);
  if (url.startsWith('memory:')) {
    throw usageError('memory: is the log of one process; to follow it from outside, give the address of its server');
  }
  refuseCredentials(url);
  const filter = operands.join(' ');
  checkFilter(filter);
  const since = typeof own.since === 'string' ? own.since : undefined;
  checkSince(since);
  if (output.isTerminal) output.err(output.paintErr('dim', `Following ${withoutCredentials(url)}; Ctrl-C ends`));
  return openFeed({ url, feed, token, since, filter, signal, onRetry: sayRetries(url, output) });
}

/** A server speaks of headers and pages; here there are flags and variables. */
function explain(thrown: unknown, { given }: Call): LivespanError {
  const error = toLivespanError(thrown);
  if (error.code !== 'unauthenticated') return error;
  const { token } = readOptions(['token'], given);
  return new LivespanError(error.code, tokenSentence(token !== undefined), { cause: error });
}

/** Says once that the server is away, not at each try. */
function sayRetries(url: string, output: Output): (error: LivespanError) => void {
  let said = '';
  return (error) => {
    if (said === error.message) return;
    said = error.message;
    output.err(`${output.paintErr('yellow', 'waiting:')} ${withoutCredentials(url)}: ${error.message}; trying again`);
  };
}

/** Points at the mistake. @throws LivespanError `invalid_filter` */
function checkFilter(filter: string): void {
  const parsed = parseFilter(filter);
  if (parsed.ok) return;
  const { column, message } = parsed;
  const details = { details: { column } };
  throw new LivespanError(
    'invalid_filter',
    `filter, column ${column}: ${message} (at ${excerpt(filter, column)})`,
    details,
  );
}

/** Here, because a server that is away could not. @throws LivespanError `invalid_cursor` */
function checkSince(since: string | undefined): void {
  const parsed = since === undefined ? undefined : parseSince(since, Date.now());
  if (parsed?.ok === false) throw new LivespanError('invalid_cursor', `--since: ${parsed.message}`);
}

function excerpt(filter: string, column: number): string {
  const rest = filter.slice(column - 1, column + 19);
  return rest === '' ? 'its end' : JSON.stringify(rest);
}

function readCount(text: string | true | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count > 0) return count;
  throw usageError('--count: expected a whole number, 1 or more');
}

async function writeJson(message: FeedMessage, output: Output): Promise<void> {
  if (message.type === 'activity') await output.out(withCursor(encodeActivity(message.activity), message.cursor));
  else {
    const { cursor, ...rest } = message;
    await output.out(JSON.stringify({ cursor, ...rest }));
  }
}

async function writeLine(message: FeedMessage, output: Output): Promise<void> {
  await output.out(message.type === 'activity' ? activityLine(message.activity, output) : controlLine(message, output));
}
