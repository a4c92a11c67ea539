import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { LivespanError } from '../errors.ts';

/**
 * Who may knock at all, before anybody asks for a token. A browser carries other people's pages: one of them may rename
 * its own host to our address (DNS rebinding) or send requests to it unasked, so the names we answer to are a list, and a
 * request that says it comes from another site is refused.
 */
export interface AccessRules {
  /** Names beside the loopback ones, lower case, without port. */
  readonly names: ReadonlySet<string>;
}

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** Whether an address or a name to listen on can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host.toLowerCase()) || (isIP(host) === 4 && host.startsWith('127.'));
}

/** @param host the address the server was told to listen on */
export function createAccessRules(host: string, allowedHosts: readonly string[]): AccessRules {
  const names = new Set(allowedHosts.map((name) => nameOf(name)));
  if (isIP(host) === 0) names.add(host.toLowerCase());
  return { names };
}

/** Refuses a Host header that is not one of our names (`host_not_allowed`), or that is missing where it must not. */
export function checkHost(request: IncomingMessage, rules: AccessRules): void {
  const host = request.headers.host;
  if (host === undefined && request.httpVersion === '1.1') {
    throw new LivespanError('invalid_request', 'An HTTP/1.1 request names its Host');
  }
  if (host !== undefined && isOurName(nameOf(host), request, rules)) return;
  throw new LivespanError(
    'host_not_allowed',
    'This server does not answer to that Host name; name it with --allowed-host (LIVESPAN_ALLOWED_HOST)',
  );
}

/** Refuses what another site's page sends (`forbidden`); opening one of our pages by a link is not that. */
export function checkOrigin(request: IncomingMessage, rules: AccessRules): void {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation(request)) {
    throw new LivespanError('forbidden', 'Requests from pages of other sites are refused (Sec-Fetch-Site)');
  }
  const origin = request.headers.origin;
  if (origin !== undefined && !isOwnOrigin(origin, request.headers, rules)) {
    throw new LivespanError('forbidden', 'Requests from pages of other sites are refused (Origin)');
  }
}

function isNavigation(request: IncomingMessage): boolean {
  const { headers, method } = request;
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

function isOwnOrigin(origin: string, headers: IncomingHttpHeaders, rules: AccessRules): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  // Behind a proxy that rewrites Host, the public name has to be on the list that the operator gave.
  return url.host === headers.host?.toLowerCase() || rules.names.has(url.hostname);
}

function isOurName(name: string, request: IncomingMessage, rules: AccessRules): boolean {
  if (LOOPBACK_NAMES.has(name) || rules.names.has(name)) return true;
  // The very address the connection came in on cannot be a rebound name: it is how probes and neighbours call us.
  const address = request.socket.localAddress ?? '';
  return name === address || name === `[${address}]` || `::ffff:${name}` === address;
}

/** `Example.com:4319` → `example.com`, `[::1]:4319` → `[::1]`; an address without brackets stays as it is. */
function nameOf(host: string): string {
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(host.trim())?.[1] ?? host;
  return name.toLowerCase();
}
