import '../styles/histogram.css';
import { useSignal } from '@preact/signals';
import { formatDuration } from '../state/figures.ts';
import { useStore } from './context.ts';

/** Durations of the last minute in classes. A bar filters to its class; pressing one and releasing on another, to the range. */
export function Histogram() {
  const store = useStore();
  const from = useSignal<number | undefined>(undefined);
  const { bounds, counts } = store.histogram.value;
  const most = Math.max(1, ...counts);
  const lower = (index: number): number => (index === 0 ? 0 : (bounds[index - 1] ?? 0));
  const choose = (a: number, b: number): void => {
    const [first, last] = a <= b ? [a, b] : [b, a];
    const upper = bounds[last];
    const values = [`>=${lower(first)}ms`, ...(upper === undefined ? [] : [`<${upper}ms`])];
    store.filter.setRange('duration', ...values);
  };
  return (
    <fieldset class="histogram">
      <legend>Durations, last minute</legend>
      {counts.map((count, index) => {
        const upper = bounds[index];
        const range = upper === undefined ? `over ${formatDuration(lower(index))}` : `up to ${formatDuration(upper)}`;
        return (
          <button
            // The classes never change places.
            key={upper ?? 'over'}
            type="button"
            title={`${count} ${range}`}
            aria-label={`${count} spans ${range}: show only these`}
            onPointerDown={() => {
              from.value = index;
            }}
            onPointerUp={() => choose(from.value ?? index, index)}
            onKeyDown={(event) => event.key === 'Enter' && choose(index, index)}
          >
            <i style={{ height: `${(count / most) * 100}%` }} />
          </button>
        );
      })}
      <button type="button" class="histogram-all" onClick={() => store.filter.setRange('duration')}>
        any duration
      </button>
    </fieldset>
  );
}
