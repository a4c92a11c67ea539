import { parseRedisUrl } from '../bus/redis-address.ts';
import { LivespanError } from '../errors.ts';
import { checkServerUrl } from '../server-url.ts';

/**
 * What can be said about a URL without loading what serves it, so that a wrong one fails at the start. Never quotes it:
 * it may hold a password.
 * @throws LivespanError `invalid_option`
 */
export function checkTargetUrl(url: string): void {
  const scheme = /^([a-z][a-z+]*):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'memory':
      return;
    case 'redis':
    case 'rediss':
    case 'redis+sentinel':
      parseRedisUrl(url);
      return;
    case 'http':
    case 'https':
      checkServerUrl(url);
      return;
    case 'redis+cluster':
    case 'rediss+cluster':
      throw invalid('redis+cluster: is not supported yet; give the URL of one Redis');
    default:
      throw invalid('expected redis://…, rediss://…, redis+sentinel://…, http://…, https://… or memory:');
  }
}

function invalid(message: string): LivespanError {
  return new LivespanError('invalid_option', `url: ${message}`, { details: { option: 'url' } });
}
