import { compileGlob } from './glob.ts';

/** What stands where a secret was. */
export const REDACTED = '[redacted]';

/**
 * `secret`: whatever its value is. `count`: a secret unless the value is a number or a boolean (`max_tokens` is a figure,
 * `refresh_tokens` may hold the tokens). `reserved`: written by livespan alone. Else `plain`.
 */
export type KeyDecision = 'plain' | 'secret' | 'count' | 'reserved';

/** Decides by the attribute's dotted key, never by its value. Decisions are kept, so a known key costs one look-up. */
export interface Redactor {
  /** True where the value must not leave the process. `value` matters for keys of counts only; without it they are secret. */
  isSecret(key: string, value?: unknown): boolean;
  decide(key: string): KeyDecision;
  /** The same for the keys that programs write down; `odd` for one that is empty, very long or not well-formed. */
  decideUsual(key: string): KeyDecision | 'odd';
}

/** Decisions kept; when full, all are forgotten at once: an application that makes keys up must not fill the memory. */
const CACHE_COUNT_MAX = 4_096;
/** Longer keys are decided anew each time. */
const USUAL_KEY_CHARS_MAX = 256;

/**
 * @param extraKeyPatterns globs, in any case. One without a dot (`ssn`, `*_pin`) is tried on each segment of the key and
 *   on the whole of it; one with a dot (`user.email`) on the key and on all that encloses it, so `user.email.home` is
 *   meant too
 */
export function createRedactor(extraKeyPatterns: readonly string[]): Redactor {
  const extra = extraKeyPatterns.filter((pattern) => pattern !== '').map(compileKeyPattern);
  const cache = new Map<string, KeyDecision>();

  function decideAnew(key: string): KeyDecision {
    let decision = decideKey(key);
    if (decision !== 'secret' && decision !== 'reserved' && extra.some((matches) => matches(key.toLowerCase()))) {
      decision = 'secret';
    }
    if (isOdd(key)) return decision;
    if (cache.size >= CACHE_COUNT_MAX) cache.clear();
    cache.set(key, decision);
    return decision;
  }

  const decide = (key: string): KeyDecision => cache.get(key) ?? decideAnew(key);
  return {
    decide,
    decideUsual: (key) => cache.get(key) ?? (isOdd(key) ? 'odd' : decideAnew(key)),
    isSecret(key, value) {
      const decision = decide(key);
      return decision === 'secret' || (decision === 'count' && !isFigure(value));
    },
  };
}

/** Such keys are never kept, so whatever is kept needs no second look. */
function isOdd(key: string): boolean {
  return key === '' || key.length > USUAL_KEY_CHARS_MAX || !key.isWellFormed();
}

function compileKeyPattern(pattern: string): (lowerKey: string) => boolean {
  const matches = compileGlob(pattern.toLowerCase());
  if (!pattern.includes('.')) return (key) => matches(key) || key.split('.').some(matches);
  return (key) => {
    for (let end = key.length; end > 0; end = key.lastIndexOf('.', end - 1)) {
      if (matches(key.slice(0, end))) return true;
    }
    return false;
  };
}

/** What a key of counts may hold: figures, never text. */
export function isFigure(value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return true;
  return Array.isArray(value) && value.every((element) => typeof element === 'number');
}

/**
 * Secret where a word of the key is one of these or ends in one, so that `dbpassword` and `accesstoken` are found as well
 * as `db_password` and `accessToken`. A word may be plural.
 */
const SECRET_ENDINGS = [
  'authorization',
  'cookie',
  'password',
  'passwd',
  'pwd',
  'passphrase',
  'secret',
  'credential',
  'token',
  'jwt',
  'apikey',
  'accesskey',
  'privatekey',
  'signingkey',
  'encryptionkey',
  'sessionid',
  'sessid',
];
const SECRET_WORD = new RegExp(`(?:${SECRET_ENDINGS.join('|')})s?$`);

/** Secret where these two words follow each other, also over a dot: `api-key`, `x-api-key`, `apiKey`, `api.key`. */
const SECRET_PAIRS = new Set([
  'api key',
  'access key',
  'private key',
  'signing key',
  'encryption key',
  'subscription key',
  'account key',
  'session id',
  'sess id',
]);

/** `token` followed by one of these is about tokens and holds none: `token_count`, `gen_ai.token.type`. */
const ABOUT_TOKENS = new Set(['count', 'counts', 'limit', 'usage', 'budget', 'length', 'rate', 'total', 'max', 'min']);

function decideKey(key: string): KeyDecision {
  if (isReserved(key)) return 'reserved';
  const words = wordsOf(key);
  let decision: KeyDecision = 'plain';
  for (const [index, word] of words.entries()) {
    const next = words[index + 1] ?? '';
    if (SECRET_PAIRS.has(`${word} ${next.replace(/s$/, '')}`)) return 'secret';
    if (!SECRET_WORD.test(word)) continue;
    if (word === 'token' && next === 'type') continue;
    if (!word.endsWith('tokens') && !(word === 'token' && ABOUT_TOKENS.has(next))) return 'secret';
    decision = 'count';
  }
  return decision;
}

function isReserved(key: string): boolean {
  return key.startsWith('livespan.') || key === 'event.severity' || key === 'event.summary' || key === 'call.id';
}

/** `http.request.header.x-apiKey2` → http, request, header, x, api, key. */
function wordsOf(key: string): string[] {
  return key
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');
}
