import { batch } from '@preact/signals';
import { formatDuration, formatNumber, formatShare } from '../state/figures.ts';
import type { Theme, View } from '../state/model.ts';
import { useStore } from './context.ts';
import { later } from './later.tsx';
import { Menu } from './menu.tsx';

const VIEWS: readonly [View, string][] = [
  ['live', 'Live'],
  ['traces', 'Traces'],
  ['calls', 'Calls'],
  ['services', 'Services'],
  ['health', 'Health'],
];
const ERRORS = 'severity:>=error';
/** With its chart it is nearly as large as the rest of the page. */
const Histogram = later(async () => (await import('./histogram.tsx')).Histogram, 'opened');
const Sparkline = later(async () => (await import('./sparkline.tsx')).Sparkline, 'idle');
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export function Header() {
  const store = useStore();
  const { rate, errorShare, p95Ms } = store.rates.value;
  return (
    <header class="header">
      <h1 class="brand">livespan</h1>
      <nav class="views" aria-label="Views">
        {VIEWS.map(([view, title]) => (
          <button
            key={view}
            type="button"
            aria-current={store.view.value === view ? 'page' : undefined}
            onClick={() => goTo(store, view)}
          >
            {title}
          </button>
        ))}
      </nav>
      <div class="figures">
        <div class="sparkline-place">
          <Sparkline />
        </div>
        <span title="Activities a second, mean of 5 s">
          <b>{formatNumber(rate)}</b>/s
        </span>
        <button
          type="button"
          class={`quiet${errorShare ? ' is-error' : ''}`}
          title="Of spans that ended in the last minute; press for errors only"
          aria-pressed={store.filter.has(ERRORS)}
          onClick={() => store.filter.toggle(ERRORS)}
        >
          errors <b>{errorShare === undefined ? '–' : formatShare(errorShare)}</b>
        </button>
        <Menu class="latency" hint="Durations of the last minute; open to choose a range" title={<P95 ms={p95Ms} />}>
          {() => <Histogram />}
        </Menu>
      </div>
      <ConnectionBadge />
      <button type="button" class="quiet theme" title="Theme: system, light, dark" onClick={() => turnTheme(store)}>
        <span class="sr-only">Theme: </span>
        {store.theme.value === 'system' ? 'auto' : store.theme.value}
      </button>
    </header>
  );
}

function P95({ ms }: { ms: number | undefined }) {
  return (
    <>
      p95 <b>{ms === undefined ? '–' : formatDuration(ms)}</b>
    </>
  );
}

/** A view opened from the header shows all of it, not what was selected elsewhere. */
export function goTo(store: ReturnType<typeof useStore>, view: View): void {
  batch(() => {
    store.selection.value = undefined;
    store.view.value = view;
  });
}

function turnTheme(store: ReturnType<typeof useStore>): void {
  const next = (THEMES.indexOf(store.theme.value) + 1) % THEMES.length;
  store.theme.value = THEMES[next] ?? 'system';
}

function ConnectionBadge() {
  const store = useStore();
  const { state } = store.connection.value;
  const words = store.travel.value !== undefined ? 'replay' : store.pause.value !== undefined ? 'paused' : state;
  return (
    <span class={`badge badge-${words}`}>
      <i aria-hidden="true" />
      {words}
    </span>
  );
}
