import { LivespanError } from './errors.ts';

/**
 * Checks the address of a livespan server before anybody connects. Never quotes it: it may hold a password.
 * @throws LivespanError `invalid_option`
 */
export function checkServerUrl(url: string): void {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw invalid('expected http://host:port or https://host:port, the address of a livespan server');
  }
  if (hasCredentials(url)) {
    throw invalid('a livespan server takes no user and password but a token (token, LIVESPAN_TOKEN)');
  }
}

/** Whether a URL that can be parsed has a user or a password in it. */
export function hasCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

function invalid(message: string): LivespanError {
  return new LivespanError('invalid_option', `url: ${message}`, { details: { option: 'url' } });
}
