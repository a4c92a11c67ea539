import { LivespanError } from '../errors.ts';

const SCHEMES = ['redis', 'rediss', 'redis+sentinel', 'rediss+sentinel', 'http', 'https', 'memory'];

/**
 * What can be said about a URL without loading what serves it, so that a wrong one fails at the start. Never quotes it:
 * it may hold a password.
 * @throws LivespanError `invalid_option`
 */
export function checkTargetUrl(url: string): void {
  const scheme = /^([a-z][a-z+]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === 'redis+cluster' || scheme === 'rediss+cluster') {
    throw invalid('redis+cluster: is not supported yet; give the URL of one Redis');
  }
  if (scheme === undefined || !SCHEMES.includes(scheme)) {
    throw invalid('expected redis://…, rediss://…, redis+sentinel://…, http://…, https://… or memory:');
  }
  if (scheme.startsWith('http') && !URL.canParse(url)) throw invalid('expected http://host:port');
}

function invalid(message: string): LivespanError {
  return new LivespanError('invalid_option', `url: ${message}`, { details: { option: 'url' } });
}
