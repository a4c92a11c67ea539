import '../styles/histogram.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import {
  type ClassRange,
  countOfRange,
  marksOf,
  rangeOfTerms,
  totalOf,
  valuesOfRange,
  wordsOfRange,
} from '../state/duration-classes.ts';
import { formatCount, formatDuration } from '../state/figures.ts';
import type { LatencyHistogram } from '../state/model.ts';
import { useStore } from './context.ts';
import { createDurationChart, type DurationChart } from './duration-chart.ts';
import { DurationClasses } from './duration-classes.tsx';

/** Durations of the last minute in classes. Dragging over the bars filters to what they stand for, and so do keys. */
export function Histogram() {
  const store = useStore();
  const histogram = store.histogram.value;
  const { bounds } = histogram;
  const chosen = rangeOfTerms(bounds, store.filter.terms.value);
  /** What is being pointed at, and what is about to be chosen. */
  const looked = useSignal<ClassRange | undefined>(undefined);
  const pending = useSignal<ClassRange | undefined>(undefined);
  const said = useSignal('');
  const shown = pending.value ?? chosen;
  const place = useChart(histogram, shown);

  const choose = (range: ClassRange): void => {
    store.filter.setRange('duration', ...valuesOfRange(bounds, range));
    said.value = `Only spans of ${wordsOfRange(bounds, range)} are shown.`;
  };
  const chooseAny = (): void => {
    store.filter.setRange('duration');
    said.value = 'Spans of any duration are shown.';
  };
  const range = pending.value ?? looked.value ?? chosen;
  return (
    <section class="histogram" aria-labelledby="histogram-title">
      <h2 id="histogram-title">Durations, last minute</h2>
      <p>{summaryOf(histogram)}</p>
      <div class="histogram-plot">
        <DurationClasses
          histogram={histogram}
          chosen={shown}
          onLook={(next) => {
            looked.value = next;
          }}
          onBrush={(next, isByKey) => {
            pending.value = next;
            if (isByKey && next !== undefined) said.value = countOfRange(histogram, next);
          }}
          onChoose={choose}
        />
        <div class="histogram-canvas" ref={place} aria-hidden="true" />
      </div>
      <p id="histogram-hint" class="sr-only">
        The arrow keys move, with Shift they widen, Enter shows only these.
      </p>
      <p class="histogram-range">
        <span class={range === undefined ? 'muted' : ''}>
          {range === undefined ? 'Drag over the bars to filter.' : countOfRange(histogram, range)}
        </span>
        <button type="button" onClick={chooseAny}>
          any duration
        </button>
      </p>
      <p class="sr-only" role="status">
        {said.value}
      </p>
    </section>
  );
}

/** The place of a chart that shows what it is given. */
function useChart(histogram: LatencyHistogram, chosen: ClassRange | undefined) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<DurationChart | undefined>(undefined);
  useEffect(() => {
    if (place.current === null) return;
    chart.current = createDurationChart(place.current, histogram.bounds);
    return () => chart.current?.close();
  }, [histogram.bounds]);
  useEffect(() => chart.current?.show(histogram, chosen));
  return place;
}

function summaryOf(histogram: LatencyHistogram): string {
  const count = totalOf(histogram.counts);
  if (count === 0) return 'No span has ended.';
  const marks = marksOf(histogram).map(({ name, ms }) => `${name} ${formatDuration(ms)}`);
  return [formatCount(count, 'span'), ...marks].join(' · ');
}
