import { checkActivity } from '../../activity/activity-check.ts';
import type { Frame } from '../state/model.ts';
import { type Refusal, readRefusal } from './refusal.ts';

export interface PageOptions {
  /** Where the routes are: empty in a page, `http://…` elsewhere. */
  base: string;
  headers?: Readonly<Record<string, string>>;
}

export interface PageQuery {
  filter: string;
  order: 'asc' | 'desc';
  limit: number;
  /** Exclusive: a cursor, an ISO time, or absent. */
  since?: string;
  until?: string;
}

export interface Page {
  /** In the order that was asked for; a hole or a break before the first stands first. */
  frames: Frame[];
  /** Where the next page begins; absent at the end of the log. */
  next: string | undefined;
  invalid: number;
}

/** The server said no. */
export class PageRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

/**
 * `GET /activity`.
 * @throws PageRefused, or what fetch throws when the server is away
 */
export async function fetchPage({ base, headers }: PageOptions, query: PageQuery, signal: AbortSignal): Promise<Page> {
  const { filter, order, limit, since, until } = query;
  const parameters = new URLSearchParams({ order, limit: String(limit) });
  if (filter !== '') parameters.set('filter', filter);
  if (since !== undefined && since !== '') parameters.set('since', since);
  if (until !== undefined && until !== '') parameters.set('until', until);
  const response = await fetch(`${base}/activity?${parameters}`, { ...(headers && { headers }), signal });
  if (!response.ok) throw new PageRefused(await readRefusal(response));
  return readPage(await response.json(), since);
}

function readPage(body: unknown, since: string | undefined): Page {
  const { items, next, missed, reset, before } = body as Record<string, unknown>;
  const page: Page = { frames: [], next: typeof next === 'string' ? next : undefined, invalid: 0 };
  for (const item of Array.isArray(items) ? (items as unknown[]) : []) {
    const checked = checkActivity(item);
    const cursor = (item as { cursor?: unknown } | null)?.cursor;
    if (checked.ok && typeof cursor === 'string') {
      page.frames.push({ type: 'activity', cursor, activity: checked.activity });
    } else page.invalid += 1;
  }
  const cursor = typeof before === 'string' ? before : (since ?? '');
  if (reset === true) page.frames.unshift({ type: 'reset', cursor });
  else if (typeof missed === 'number' && missed > 0) page.frames.unshift({ type: 'gap', cursor, missed });
  return page;
}
