import { formatDuration, formatNumber, formatShare } from '../state/figures.ts';
import type { Theme, View } from '../state/model.ts';
import { useStore } from './context.ts';
import { Histogram } from './histogram.tsx';
import { Sparkline } from './sparkline.tsx';

const VIEWS: readonly [View, string][] = [
  ['live', 'Live'],
  ['traces', 'Traces'],
  ['calls', 'Calls'],
  ['services', 'Services'],
  ['health', 'Health'],
];
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export function Header() {
  const store = useStore();
  const { rate, errorShare, p95Ms, perSecond, errorsPerSecond } = store.rates.value;
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
        <Sparkline all={perSecond} errors={errorsPerSecond} />
        <span title="Activities a second, mean of 5 s">
          <b>{formatNumber(rate)}</b>/s
        </span>
        <span title="Failed among spans that ended in the last minute" class={errorShare ? 'is-error' : ''}>
          errors <b>{errorShare === undefined ? '–' : formatShare(errorShare)}</b>
        </span>
        <details class="latency">
          <summary title="Durations of the last minute; open to choose a range">
            p95 <b>{p95Ms === undefined ? '–' : formatDuration(p95Ms)}</b>
          </summary>
          <Histogram />
        </details>
      </div>
      <ConnectionBadge />
      <button type="button" class="quiet theme" title="Theme" onClick={() => turnTheme(store)}>
        {store.theme.value === 'system' ? 'auto' : store.theme.value}
      </button>
    </header>
  );
}

/** A view opened from the header shows all of it, not what was selected elsewhere. */
export function goTo(store: ReturnType<typeof useStore>, view: View): void {
  store.selection.value = undefined;
  store.view.value = view;
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
    <span class={`badge badge-${words}`} role="status">
      <i aria-hidden="true" />
      {words}
    </span>
  );
}
