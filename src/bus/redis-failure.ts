import { LivespanError } from '../errors.ts';
import { codeOf, connectionProblem } from './connection-problem.ts';

/** An error reply of Redis: it was answered, so nothing is in doubt. Anything else lost the answer. */
export function isErrorReply(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name === 'ReplyError';
}

const FULL = /^OOM\b/;
const READ_ONLY = /READONLY\b|You can't write against a read only/;
const PERMISSION = /^NOPERM\b|NOPERM |ACL failure|can't run this command|can't access at least one of the/;

export function isReadOnly(message: string): boolean {
  return READ_ONLY.test(message);
}

export function isPermission(message: string): boolean {
  return PERMISSION.test(message);
}

/** Whatever a Redis call threw, as one of ours with a sentence for the operator. `label` names the Redis, without credentials. */
export function redisFailure(thrown: unknown, label: string): LivespanError {
  if (thrown instanceof LivespanError) return thrown;
  if (!isErrorReply(thrown)) return connectionFailure(thrown, label);
  const { message } = thrown;
  const refused = (sentence: string): LivespanError => new LivespanError('log_refused', sentence, { cause: thrown });
  if (FULL.test(message)) {
    return new LivespanError(
      'log_full',
      `Redis at ${label} is full: its maxmemory is reached and nothing may be evicted`,
      {
        cause: thrown,
      },
    );
  }
  const key = /\(key (.+)\)/.exec(message)?.[1];
  if (/WRONGTYPE/.test(message)) {
    return refused(
      `${key === undefined ? 'a key of the feed' : `the key ${key}`} at ${label} is of another type than livespan's: something else uses that name; rename it or choose another feed`,
    );
  }
  if (/^EXHAUSTED/.test(message)) {
    return refused(
      `the stream ${key} at ${label} holds an entry with an id so far in the future that none can follow: somebody else added it; delete the stream (DEL ${key})`,
    );
  }
  if (/^WRONGPASS|invalid username-password pair|invalid password/.test(message)) {
    return refused(`Redis at ${label} refuses the user name or password of the URL`);
  }
  if (/^NOAUTH|Authentication required/.test(message)) {
    return refused(`Redis at ${label} asks for a password: put it into the URL (redis://user:password@…)`);
  }
  if (isReadOnly(message)) {
    return refused(`Redis at ${label} is a read-only replica: point the URL at the primary, or use redis+sentinel://`);
  }
  if (isPermission(message)) return refused(`the Redis user at ${label} lacks a permission: ${message}`);
  if (/^(MOVED|ASK|CROSSSLOT)\b/.test(message)) return refused(clusterSentence(label));
  return new LivespanError('log_unavailable', `Redis at ${label} answered: ${message}`, { cause: thrown });
}

export function clusterSentence(label: string): string {
  return `Redis at ${label} is a node of a cluster, which livespan does not use yet: point the URL at a single Redis`;
}

export function notRedisSentence(label: string): string {
  return `what listens at ${label} is not a Redis: it does not speak its protocol`;
}

function connectionFailure(thrown: unknown, label: string): LivespanError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const code = codeOf(thrown);
  if (/Protocol error|Unknown RESP type/i.test(text)) {
    return new LivespanError('log_refused', notRedisSentence(label), { cause: thrown });
  }
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE/.test(code)) {
    const sentence = `Redis at ${label} asks for a client certificate, which livespan has none of: set tls-auth-clients no (or optional) there and sign in with a password`;
    return new LivespanError('log_refused', sentence, { cause: thrown });
  }
  const sentence =
    connectionProblem(thrown, label, { plain: 'redis://', tls: 'rediss://' }) ??
    `the connection to Redis at ${label} was lost${code === '' ? '' : ` (${code})`}`;
  return new LivespanError('log_unavailable', sentence, { cause: thrown });
}
