import { LivespanError } from '../errors.ts';
import type { RedisAddress } from './redis-address.ts';
import {
  clusterSentence,
  isErrorReply,
  isPermission,
  isReadOnly,
  notRedisSentence,
  redisFailure,
} from './redis-failure.ts';
import type { RedisKeys } from './redis-keys.ts';
import { type LinkOptions, openLink, type RedisLink } from './redis-link.ts';
import { PROBE_SCRIPT } from './redis-scripts.ts';
import { createSentinels, credentials } from './redis-sentinel.ts';

/** What a Redis must be: streams with MINID trimming and exclusive ranges came with it. */
const VERSION_MIN = [6, 2] as const;

export interface RedisFacts {
  /** `redis 7.0.15 at 127.0.0.1:6379` */
  description: string;
  warnings: readonly string[];
}

export type SignInOptions = Omit<LinkOptions, 'target' | 'tls'>;

/**
 * A link to the Redis of the address, signed in, on which `prepare` was done.
 * @throws LivespanError what is wrong; nothing stays open then
 */
export async function openSignedIn(
  address: RedisAddress,
  options: SignInOptions,
  prepare: (link: RedisLink) => Promise<void>,
): Promise<RedisLink> {
  const { onMessage: _, ...asking } = options;
  const { sentinelName } = address;
  const sentinels = sentinelName === undefined ? undefined : createSentinels(address, sentinelName, asking);
  let link: RedisLink | undefined;
  try {
    const target = (await sentinels?.primary()) ?? address.hosts[0];
    link = await openLink({ ...options, target, tls: address.tls });
    await signIn(link, address);
    await prepare(link);
    sentinels?.watch(link, target);
    return link;
  } catch (error) {
    const failure = redisFailure(error, address.label);
    link?.close(failure);
    sentinels?.close();
    throw !address.tls && isReset(failure) ? perhapsTls(failure) : failure;
  }
}

/** A Redis that speaks TLS answers a plain command so. */
function isReset({ cause }: LivespanError): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET';
}

function perhapsTls({ code, message, cause }: LivespanError): LivespanError {
  return new LivespanError(code, `${message} before it answered; if it speaks TLS, write rediss://`, { cause });
}

/** AUTH with what the URL holds, if it holds anything. */
async function signIn(link: RedisLink, address: RedisAddress): Promise<void> {
  if (address.password === undefined) return;
  try {
    await link.call('AUTH', credentials(address));
  } catch (error) {
    // A password for a Redis that has none is harmless, and common while one is being introduced.
    const spare = isErrorReply(error) && /without any password configured|no password is set/.test(error.message);
    if (!spare) throw error;
  }
}

/**
 * Everything that would make appends fail, found now and said in a sentence.
 * @throws LivespanError `log_refused`
 */
export async function checkServer(link: RedisLink, address: RedisAddress, keys: RedisKeys): Promise<RedisFacts> {
  const { label } = address;
  const refused = (sentence: string): LivespanError => new LivespanError('log_refused', sentence);
  const hello = await sayHello(link, label);
  const server = String(hello.get('server') ?? 'redis');
  const version = String(hello.get('version') ?? '');
  if (hello.get('mode') === 'sentinel') {
    throw refused(`a sentinel listens at ${label}: write redis+sentinel://${link.label}/<name of the master>`);
  }
  if (hello.get('mode') === 'cluster') throw refused(clusterSentence(label));
  if (server === 'redis' && isOlder(version)) throw refused(tooOld(version, label));
  if (address.db !== 0) await link.call('SELECT', [address.db]);
  await probePermissions(link, label, keys);
  return { description: `${server} ${version} at ${label}`, warnings: await findWarnings(link, label) };
}

async function sayHello(link: RedisLink, label: string): Promise<Map<unknown, unknown>> {
  try {
    const reply = await link.call('HELLO', []);
    if (!Array.isArray(reply)) throw new LivespanError('log_refused', notRedisSentence(label));
    return new Map(Array.from({ length: reply.length / 2 }, (_, i) => [reply[i * 2], reply[i * 2 + 1]]));
  } catch (error) {
    // HELLO came with 6.0 and its form without arguments with 6.2.
    if (isErrorReply(error) && /unknown command|wrong number of arguments/i.test(error.message)) {
      throw new LivespanError('log_refused', tooOld('before 6.2', label), { cause: error });
    }
    throw error;
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1]);
}

function tooOld(version: string, label: string): string {
  return `Redis at ${label} is too old (${version}): livespan needs ${VERSION_MIN.join('.')} or later, or Valkey`;
}

async function probePermissions(link: RedisLink, label: string, keys: RedisKeys): Promise<void> {
  const failed = await link.run(PROBE_SCRIPT, [keys.stream, keys.probe], []);
  if (!Array.isArray(failed)) throw new LivespanError('log_refused', notRedisSentence(label));
  const missing: string[] = [];
  for (let i = 0; i < failed.length; i += 2) {
    const [command, message] = [String(failed[i]), String(failed[i + 1])];
    if (isReadOnly(message)) throw redisFailure(replyError('READONLY'), label);
    if (isPermission(message)) missing.push(command);
    else if (message.startsWith('WRONGTYPE')) throw redisFailure(replyError(`WRONGTYPE (key ${keys.stream})`), label);
  }
  if (missing.length === 0) return;
  throw new LivespanError(
    'log_refused',
    `the Redis user at ${label} lacks permission for ${[...new Set(missing)].join(', ')} on ${keys.stream} and {${keys.stream}}:*: grant the commands and the keys ~${keys.stream} ~{${keys.stream}}:*`,
  );
}

function replyError(message: string): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return error;
}

/** INFO is in the ACL category @dangerous: a user without it is served all the same, unwarned. */
async function findWarnings(link: RedisLink, label: string): Promise<string[]> {
  const text = await link.call('INFO', ['memory']).catch((error: unknown) => {
    if (isErrorReply(error)) return '';
    throw error;
  });
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(String(text))?.[1] ?? '';
  const policy = field('maxmemory_policy');
  if (policy === '' || policy === 'noeviction' || Number(field('maxmemory')) === 0) return [];
  return [
    `Redis at ${label} has maxmemory-policy ${policy}: it may throw the feed's keys away when its memory is full; set maxmemory-policy noeviction`,
  ];
}
