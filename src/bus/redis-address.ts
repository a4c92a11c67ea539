import { LivespanError } from '../errors.ts';

export interface HostPort {
  host: string;
  port: number;
}

/** Where a Redis is and how to sign in. Credentials stay in here: `label` is what people see. */
export interface RedisAddress {
  hosts: readonly [HostPort, ...HostPort[]];
  /** Name of the master that the hosts, which are sentinels then, are asked for. */
  sentinelName?: string;
  tls: boolean;
  username?: string;
  password?: string;
  db: number;
  label: string;
}

const SHAPE = /^(rediss?|redis\+sentinel):\/\/(?:([^/?#@]*)@)?([^/?#@]+)(?:\/([^/?#]*))?(?:\/(\d*))?\/?$/;
const DB_MAX = 1_000_000;

/**
 * `redis[s]://[user[:password]@]host[:port][/db]`, `redis+sentinel://[user[:password]@]h1:p,h2:p/name[/db]`. User and
 * password are those of the Redis itself and percent-encoded.
 * @throws LivespanError `invalid_option`; never with the URL in it, which may hold a password
 */
export function parseRedisUrl(url: string): RedisAddress {
  const match = SHAPE.exec(url);
  if (match === null) throw invalid('is not redis://[user:password@]host[:port][/db]');
  const [, scheme, userinfo = '', hostList = '', first = '', second = ''] = match;
  const sentinel = scheme === 'redis+sentinel';
  const dbText = sentinel ? second : first;
  if (!sentinel && second !== '') throw invalid('names more than a database after the host');
  if (sentinel && first === '') throw invalid('names no master: redis+sentinel://host1:port,host2:port/name');
  if (!/^\d*$/.test(dbText) || Number(dbText) > DB_MAX) throw invalid('has a database that is not a number');
  const [host, ...others] = hostList.split(',').map((text) => parseHost(text, sentinel ? 26_379 : 6_379));
  if (host === undefined) throw invalid('names no host');
  const hosts = [host, ...others] as const;
  if (others.length > 0 && !sentinel) throw invalid('names several hosts; only redis+sentinel:// takes more than one');
  const colon = userinfo.indexOf(':');
  const username = decode(colon < 0 ? userinfo : userinfo.slice(0, colon));
  const password = colon < 0 ? '' : decode(userinfo.slice(colon + 1));
  const db = Number(dbText);
  const at = hosts.map(formatHost).join(',');
  return {
    hosts,
    tls: scheme === 'rediss',
    ...(sentinel ? { sentinelName: decode(first) } : {}),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    db,
    label: `${sentinel ? `${decode(first)} by sentinel ${at}` : at}${db === 0 ? '' : `/${db}`}`,
  };
}

export function formatHost({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseHost(text: string, defaultPort: number): HostPort {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) throw invalid('has a host or port that cannot be read');
  return { host, port };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('holds a % that is not percent-encoded (write %25 for %)');
  }
}

function invalid(problem: string): LivespanError {
  return new LivespanError('invalid_option', `url: the Redis URL ${problem}`, { details: { option: 'url' } });
}
