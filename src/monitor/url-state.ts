import type { DrawerTab, RowOrder, Selection, Speed, Theme, View } from './state/model.ts';

/** All of the page that a link brings back. */
export interface UrlState {
  view: View;
  filter: string;
  order: RowOrder;
  /** Only what runs is shown. */
  isRunningOnly: boolean;
  selection: Selection | undefined;
  /** The moment that is being replayed or stood still at, ms. */
  atMs: number | undefined;
  speed: Speed;
  /** What is searched for in the trace. */
  search: string;
  /** Span ids whose children the trace does not show. */
  folded: ReadonlySet<string>;
  /** `system` is not written. */
  theme: Theme;
}

/** Under which every view has its address; nothing of the API begins with it. */
export const PREFIX = '/monitor';
const VIEWS = ['live', 'traces', 'calls', 'services', 'health'] as const satisfies readonly View[];
const TABS = ['story', 'attributes', 'json', 'trace'] as const satisfies readonly DrawerTab[];
const SPEEDS = [1, 10, 'max'] as const satisfies readonly Speed[];
const THEMES = ['system', 'light', 'dark'] as const satisfies readonly Theme[];

/** `/monitor/traces/<trace id>?filter=…`. Reading it gives the same state again. */
export function writeUrl(state: UrlState): string {
  const { view, filter, order, isRunningOnly, selection, atMs, speed, search, folded, theme } = state;
  const path = [PREFIX, view];
  const query = new URLSearchParams();
  if (filter !== '') query.set('filter', filter);
  if (order !== 'newest') query.set('order', order);
  if (isRunningOnly) query.set('running', '1');
  if (atMs !== undefined) query.set('at', new Date(atMs).toISOString());
  if (speed !== 1) query.set('speed', `${speed}`);
  if (search !== '') query.set('search', search);
  if (folded.size > 0) query.set('folded', [...folded].join('.'));
  if (theme !== 'system') query.set('theme', theme);
  if (selection?.type === 'trace') {
    if (view === 'traces') path.push(selection.traceId);
    else query.set('trace', selection.traceId);
    if (selection.spanId !== undefined) query.set('span', selection.spanId);
  } else if (selection?.type === 'call') {
    if (view === 'calls') path.push(encodeURIComponent(selection.callId));
    else query.set('call', selection.callId);
  } else if (selection?.type === 'row') {
    query.set('row', selection.key);
    if (selection.tab !== 'story') query.set('tab', selection.tab);
  }
  const text = query.toString();
  return path.join('/') + (text === '' ? '' : `?${text}`);
}

/** Whatever the address holds; what is not understood is left out. */
export function readUrl(address: string): UrlState {
  const url = new URL(address, 'http://livespan.invalid');
  const [first = '', second = ''] = url.pathname.slice(PREFIX.length).split('/').filter(Boolean);
  const isOurs = url.pathname.startsWith(PREFIX);
  const view = VIEWS.find((name) => isOurs && name === first) ?? 'live';
  const { searchParams: query } = url;
  return {
    view,
    filter: query.get('filter') ?? '',
    order: query.get('order') === 'duration' ? 'duration' : 'newest',
    isRunningOnly: query.get('running') === '1',
    selection: readSelection(query, view, isOurs ? decode(second) : ''),
    atMs: readMoment(query.get('at')),
    speed: SPEEDS.find((speed) => `${speed}` === query.get('speed')) ?? 1,
    search: query.get('search') ?? '',
    folded: new Set(query.get('folded')?.split('.')),
    theme: THEMES.find((name) => name === query.get('theme')) ?? 'system',
  };
}

function readSelection(query: URLSearchParams, view: View, inPath: string): Selection | undefined {
  const traceId = query.get('trace') ?? (view === 'traces' ? inPath : '');
  if (/^[0-9a-f]{32}$/.test(traceId)) {
    const spanId = query.get('span');
    return { type: 'trace', traceId, ...(spanId !== null && { spanId }) };
  }
  const callId = query.get('call') ?? (view === 'calls' ? inPath : '');
  if (callId !== '') return { type: 'call', callId };
  const key = query.get('row');
  if (key === null || key === '') return undefined;
  return { type: 'row', key, tab: TABS.find((name) => name === query.get('tab')) ?? 'story' };
}

function readMoment(text: string | null): number | undefined {
  const ms = /^\d{4}-\d\d-\d\dT/.test(text ?? '') ? Date.parse(text ?? '') : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
