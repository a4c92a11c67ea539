import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LivespanError } from '../errors.ts';

/** What the page is told about this server. */
export interface MonitorConfig {
  /** Template of a link into a trace backend, with `{traceId}`. */
  traceUrl?: string | undefined;
  /** Whether there is a session to end. */
  signedIn: boolean;
}

interface Coding {
  name: 'br' | 'gzip' | 'identity';
  bytes: Buffer;
  etag: string;
}

interface BuiltFile {
  type: string;
  /** Best first. */
  codings: Coding[];
}

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  svg: 'image/svg+xml',
};
const IMMUTABLE = 'public, max-age=31536000, immutable';
const NOT_BUILT = 'The live monitor is not built. Run: npm run build\n';

/** Beside the compiled server; when the sources run as they are, where the build puts it. */
function builtDir(): string {
  const here = fileURLToPath(new URL('.', import.meta.url));
  return join(here, /[\\/]src[\\/]server[\\/]$/.test(here) ? '../../dist/monitor' : '../monitor');
}

/**
 * Serves the built monitor: its page at `/`, `/activity/monitor` and every address below `/monitor/` (the page reads its
 * view from there), its hashed files below `/monitor/assets/`. Everything is read and compressed before the first
 * request: by the build, which leaves `.br` and `.gz` beside each file.
 */
export function addMonitorFiles(app: FastifyInstance, config: () => MonitorConfig, dir = builtDir()): void {
  const assets = readAssets(join(dir, 'assets'));
  const page = existsSync(join(dir, 'assets')) ? readFileSync(join(dir, 'index.html'), 'utf8') : undefined;
  const pages = new Map<string, BuiltFile>();

  /** The page with its files addressed from where it is shown; relative, so that a proxy may put all below a path. */
  function pageFor(path: string): BuiltFile {
    const up = path.split('/').length - 2;
    const prefix = `${up === 0 ? './' : '../'.repeat(up)}monitor/assets/`;
    let built = pages.get(prefix);
    if (built === undefined) {
      const text = (page ?? '').replaceAll('"./assets/', `"${prefix}`);
      built = { type: TYPES.html ?? '', codings: [codingOf('identity', Buffer.from(text))] };
      // Addresses of the page are at most a few levels deep; more are not worth keeping.
      if (up < 5) pages.set(prefix, built);
    }
    return built;
  }

  const sendPage = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (page === undefined)
      return reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8').send(NOT_BUILT);
    // Asked for anew each time: it names the files of the version that is running.
    return sendFile(request, reply, pageFor(request.url.split('?', 1)[0] ?? '/'), 'no-cache');
  };
  for (const path of ['/', '/activity/monitor', '/monitor', '/monitor/*']) app.get(path, sendPage);

  app.get('/monitor/config.json', async (_request, reply) => reply.header('cache-control', 'no-store').send(config()));

  app.get<{ Params: { file: string } }>('/monitor/assets/:file', async (request, reply) => {
    const file = assets.get(request.params.file);
    if (file === undefined)
      throw new LivespanError('not_found', 'There is no such file in this version of the monitor');
    return sendFile(request, reply, file, IMMUTABLE);
  });
}

/** All of the build's files, by name; without the directory none. */
function readAssets(dir: string): Map<string, BuiltFile> {
  const files = new Map<string, BuiltFile>();
  if (!existsSync(dir)) return files;
  const names = readdirSync(dir);
  for (const name of names) {
    const type = TYPES[name.split('.').at(-1) ?? ''];
    if (type === undefined) continue;
    const codings: Coding[] = [];
    for (const [coding, ending] of [
      ['br', '.br'],
      ['gzip', '.gz'],
    ] as const) {
      if (names.includes(name + ending)) codings.push(codingOf(coding, readFileSync(join(dir, name + ending))));
    }
    codings.push(codingOf('identity', readFileSync(join(dir, name))));
    files.set(name, { type, codings });
  }
  return files;
}

/** A coding is a representation of its own, so it has an entity tag of its own (RFC 9110, section 8.8.3). */
function codingOf(name: Coding['name'], bytes: Buffer): Coding {
  return { name, bytes, etag: `"${createHash('sha256').update(name).update(bytes).digest('base64url').slice(0, 22)}"` };
}

function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, codings }: BuiltFile,
  cacheControl: string,
): FastifyReply {
  const accepted = String(request.headers['accept-encoding'] ?? '');
  const coding = codings.find(({ name }) => name === 'identity' || accepts(accepted, name)) ?? codings.at(-1);
  if (coding === undefined) throw new LivespanError('internal', 'A built file has no content');
  reply.header('cache-control', cacheControl).header('etag', coding.etag).header('vary', 'accept-encoding');
  if (isKnown(request.headers['if-none-match'], coding.etag)) return reply.code(304).send();
  if (coding.name !== 'identity') reply.header('content-encoding', coding.name);
  return reply.type(type).send(coding.bytes);
}

/** `Accept-Encoding` names the coding and does not weigh it nothing. */
function accepts(header: string, coding: string): boolean {
  return header.split(',').some((part) => {
    const [name = '', ...parameters] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    return name === coding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag || one.trim() === '*');
}
