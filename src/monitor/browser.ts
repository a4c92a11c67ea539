import { batch, effect } from '@preact/signals';
import { DrawPace } from './draw-pace.ts';
import { createSharing } from './feed/sharing.ts';
import { createMonitor, type Monitor } from './monitor.ts';
import { PREFIX, readUrl, type UrlState, writeUrl } from './url-state.ts';

/** A part of a frame for applying what arrived; the rest is for drawing it. */
const BUDGET_MS = 6;
/** What was there already is drawn at once and not row by row: nothing on the page moves yet. */
const LOADING_BUDGET_MS = 50;
/** While nobody looks, the page is drawn rarely and may take longer. */
const HIDDEN_EVERY_MS = 1_000;
const HIDDEN_BUDGET_MS = 50;
/** Running clocks and figures move on so often without news. */
const TICK_EVERY_MS = 100;

/** Puts the monitor into this page: address, frames, theme. Call it once, then render. */
export function startInBrowser(): Monitor {
  const base = baseOf(location.pathname);
  const monitor = createMonitor({
    base,
    sharing: createSharing(base, typeof SharedWorker === 'function' ? openWorker : undefined),
    storage: storage(),
    isHidden: () => document.hidden,
  });
  addEventListener('pagehide', () => monitor.leave());
  // Brought back as it was left.
  addEventListener('pageshow', (event) => event.persisted && monitor.comeBack());
  followAddress(monitor, base);
  effect(() => {
    document.documentElement.dataset.theme = monitor.store.theme.value;
  });
  monitor.start();
  drive(monitor);
  // For scripts that check the page: the counts behind what is drawn, which shows but a part of the rows.
  addEventListener('livespan:inspect', (event) => {
    if (!(event instanceof CustomEvent) || typeof event.detail !== 'object' || event.detail === null) return;
    const { totals, loss, rows, behind } = monitor.store;
    Object.assign(event.detail, {
      totals: totals.value,
      loss: loss.value,
      rows: rows.value.count,
      behind: behind.value,
    });
  });
  return monitor;
}

/** In this form the bundler finds the worker and gives it a file of its own. */
function openWorker(): SharedWorker {
  return new SharedWorker(new URL('./feed/worker-hub.ts', import.meta.url), { type: 'module' });
}

/** A proxy may serve livespan below a path: what stands before ours. */
function baseOf(pathname: string): string {
  const at = [PREFIX, '/activity/monitor'].map((path) => pathname.indexOf(path)).find((index) => index >= 0);
  return pathname.slice(0, at ?? pathname.lastIndexOf('/'));
}

function storage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** State to address and back. Another view or selection is a step in the history; typing and sorting are not. */
function followAddress({ store }: Monitor, base: string): void {
  let shown = '';
  let isReading = false;

  function read(): void {
    isReading = true;
    const state = readUrl(location.pathname.slice(base.length) + location.search);
    batch(() => {
      store.view.value = state.view;
      store.selection.value = state.selection;
      store.theme.value = state.theme;
      store.order.value = state.order;
      store.filter.apply(state.filter);
      store.isRunningOnly.value = state.isRunningOnly;
      store.search.value = state.search;
      store.folded.value = state.folded;
      // A pause stays: whoever reads on is where they were.
      if (state.atMs === undefined) store.travel.value = undefined;
      else if (state.atMs !== momentOf()) store.travelTo(state.atMs, state.speed, { isHeld: true });
      else store.setSpeed(state.speed);
    });
    isReading = false;
  }

  const momentOf = (): number | undefined => store.travel.peek()?.fromMs ?? store.pause.peek()?.sinceMs;

  read();
  addEventListener('popstate', read);
  effect(() => {
    const pause = store.pause.value;
    const state: UrlState = {
      view: store.view.value,
      filter: store.filter.text.value,
      order: store.order.value,
      selection: store.selection.value,
      isRunningOnly: store.isRunningOnly.value,
      atMs: store.travel.value?.fromMs ?? (pause?.by === 'user' ? pause.sinceMs : undefined),
      speed: store.travel.value?.speed ?? 1,
      // Of no trace, nothing is searched or folded.
      search: store.selection.value === undefined ? '' : store.search.value,
      folded: store.selection.value === undefined ? new Set() : store.folded.value,
      theme: store.theme.value,
    };
    const url = base + writeUrl(state);
    const step = `${state.view} ${state.filter} ${JSON.stringify(state.selection)}`;
    if (url === location.pathname + location.search) shown = step;
    else if (shown === '' || step === shown || isReading) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    shown = step;
  });
}

/** Applies what arrived once an animation frame, draws it as often as the pace allows, and moves clocks on. */
function drive({ store }: Monitor): void {
  const pace = new DrawPace();
  let drawnMs = 0;
  // What is posted in a frame is read when the browser has painted it.
  const { port1: painted, port2: drawing } = new MessageChannel();
  painted.onmessage = () => pace.drawn(performance.now() - drawnMs);

  const turn = (nowMs: number): void => {
    const hasNews = store.backlog > 0 || store.isStale;
    const isLoading = !store.isLoaded.peek();
    const isDue = (pace.isDue(nowMs) || isLoading) && (hasNews || nowMs - drawnMs >= TICK_EVERY_MS);
    if (hasNews) store.flush(isLoading ? LOADING_BUDGET_MS : BUDGET_MS, !isDue);
    else if (isDue) store.tick();
    if (!isDue) return;
    drawnMs = nowMs;
    drawing.postMessage(undefined);
  };
  const frame = (): void => {
    turn(performance.now());
    if (!document.hidden) requestAnimationFrame(frame);
  };
  // A hidden page has no animation frames.
  setInterval(() => {
    if (!document.hidden) return;
    if (store.backlog > 0 || store.isStale) store.flush(HIDDEN_BUDGET_MS);
    else store.tick();
  }, HIDDEN_EVERY_MS);
  document.addEventListener('visibilitychange', () => !document.hidden && requestAnimationFrame(frame));
  requestAnimationFrame(frame);
}
