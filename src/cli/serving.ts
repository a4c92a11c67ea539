import { environment, type GivenOptions, isGiven, OPTIONS, type OptionName, readOptions } from '../config.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import type { LivespanServer } from '../server/index.ts';
import type { Output } from './output.ts';

/** The rows of the option table that a server takes, in the table's order. */
export const SERVER_OPTIONS: readonly OptionName[] = (Object.keys(OPTIONS) as OptionName[]).filter((name) =>
  OPTIONS[name].scope.includes('server'),
);

export const READER_URL_DEFAULT = 'http://127.0.0.1:4319';

/**
 * Starts the server in this process.
 * @throws LivespanError `invalid_option`, `address_in_use`
 */
export async function startServer(given: GivenOptions<OptionName>): Promise<LivespanServer> {
  const { createServer } = await import('../server/index.ts');
  return createServer(given);
}

/**
 * The same for commands that only need some server: a default port that is taken is replaced by a free one, and said; one
 * that was asked for is an error.
 */
export async function startServerSomewhere(given: GivenOptions<OptionName>, output: Output): Promise<LivespanServer> {
  try {
    return await startServer(given);
  } catch (thrown) {
    const { code, details } = toLivespanError(thrown);
    const isOurs = code === 'address_in_use' && details.port === readOptions(['port'], given).port;
    if (!isOurs || isGiven('port', given)) throw thrown;
    output.err(
      `${output.paintErr('yellow', 'warning:')} port ${readOptions(['port']).port} is taken; using a free one`,
    );
    return startServer({ ...given, port: 0 });
  }
}

/** Where the log of a server is, for people: no credentials. */
export function describeLog(given: GivenOptions<OptionName>): string {
  const { url, feed } = readOptions(['url', 'feed'], given);
  if (url === undefined || url.startsWith('memory:')) return 'embedded log';
  return `${withoutCredentials(url)}, feed ${feed}`;
}

export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/]*@/i, '$1').replace(/[?#].*$/, '');
}

/** `REDIS_URL` is the application's own; whoever thinks that it is used has to know. */
export function mentionRedisUrl(given: GivenOptions<OptionName>, output: Output): void {
  if ((environment().REDIS_URL ?? '') === '' || readOptions(['url'], given).url !== undefined) return;
  output.err(
    `${output.paintErr('cyan', 'note:')} REDIS_URL is set but not used; to keep the log there: LIVESPAN_URL="$REDIS_URL"`,
  );
}

/** The address of a server to ask: what was given, else the default. Refuses a log that is no server. */
export function serverUrl(given: GivenOptions<OptionName>): string {
  const { url = READER_URL_DEFAULT } = readOptions(['url'], given);
  if (/^https?:\/\//i.test(url)) return url.replace(/\/+$/, '');
  throw new LivespanError('invalid_option', 'url: expected the address of a livespan server, http:// or https://');
}
