import type { FastifyInstance } from 'fastify';
import { LIVE_PAGE_HTML } from './page/live-page-html.ts';
import { LIVE_PAGE_SCRIPT } from './page/live-page-script.ts';
import { LIVE_PAGE_STYLE } from './page/live-page-style.ts';

const FILES = [
  { paths: ['/', '/activity/monitor'], type: 'text/html; charset=utf-8', text: LIVE_PAGE_HTML },
  { paths: ['/page/live.js'], type: 'text/javascript; charset=utf-8', text: LIVE_PAGE_SCRIPT },
  { paths: ['/page/live.css'], type: 'text/css; charset=utf-8', text: LIVE_PAGE_STYLE },
];

/** The page people see first: the live feed by the browser's own EventSource. */
export function addPageRoutes(app: FastifyInstance): void {
  for (const { paths, type, text } of FILES) {
    for (const path of paths) {
      // Not stored: the page, its script and the server are always of one version.
      app.get(path, async (_request, reply) => reply.header('cache-control', 'no-store').type(type).send(text));
    }
  }
}
