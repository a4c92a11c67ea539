import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import { type ClassRange, formatBound, isWithin, type Mark, marksOf } from '../state/duration-classes.ts';
import { formatNumber } from '../state/figures.ts';
import type { LatencyHistogram } from '../state/model.ts';
import { onLooksChange, readColours } from './looks.ts';

/** px from the edges of the chart to those of the plot. Above it are the names of the marks, one line each. */
export const PLOT_INSET = { top: 38, right: 10, bottom: 24, left: 46 } as const;
export const CHART_HEIGHT = 190;
const MARK_LINE = 12;
const FONT_SIZE = 11;
const COLOURS = ['bar', 'chosen', 'mark', 'text', 'line'] as const;
/** ms; the other bounds have a tick alone. */
const LABELLED: readonly number[] = [1, 10, 100, 1_000, 10_000, 60_000];
/** A bar of the tallest's so manieth part can still be seen: one span among thousands is what is looked for. */
const BAR_SHARE_MIN = 1 / 60;
const TOPS = [1, 2, 4, 6, 8, 10] as const;

export interface DurationChart {
  /** Draws only if it differs from what is drawn. */
  show(histogram: LatencyHistogram, chosen: ClassRange | undefined): void;
  close(): void;
}

/** Bars of equal width for the classes, which grow like 1, 2, 5, 10: nearly a logarithmic scale. As wide as `place`. */
export function createDurationChart(place: HTMLElement, bounds: readonly number[]): DurationChart {
  let drawn = '';
  let marks: readonly Mark[] = [];
  let colours = readColours(place, COLOURS);
  const options = optionsOf(bounds, () => colours);
  const plot = new uPlot(
    {
      ...options,
      width: place.clientWidth,
      height: CHART_HEIGHT,
      hooks: { draw: [(drawing) => drawMarks(drawing, marks, colours.mark)] },
    },
    dataOf(bounds.map(() => 0).concat(0), undefined),
    place,
  );
  const sizes = new ResizeObserver(() => {
    if (place.clientWidth > 0) plot.setSize({ width: place.clientWidth, height: CHART_HEIGHT });
  });
  sizes.observe(place);
  const forgetLooks = onLooksChange(() => {
    colours = readColours(place, COLOURS);
    // All of it: bars keep their colour with their shape.
    plot.redraw();
  });
  return {
    show(histogram, chosen) {
      const wanted = `${histogram.counts} ${chosen?.first} ${chosen?.last}`;
      if (wanted === drawn) return;
      drawn = wanted;
      marks = marksOf(histogram);
      plot.setData(dataOf(histogram.counts, chosen));
    },
    close() {
      forgetLooks();
      sizes.disconnect();
      plot.destroy();
    },
  };
}

type Colours = Readonly<Record<(typeof COLOURS)[number], string>>;

function optionsOf(bounds: readonly number[], colours: () => Colours): Omit<uPlot.Options, 'width' | 'height'> {
  const paths = uPlot.paths.bars?.({ size: [1, Number.POSITIVE_INFINITY], gap: 2 });
  const bars = (colour: 'bar' | 'chosen'): uPlot.Series => ({
    width: 0,
    fill: () => colours()[colour],
    points: { show: false },
    ...(paths && { paths }),
  });
  const axis: uPlot.Axis = {
    font: `${FONT_SIZE}px system-ui, sans-serif`,
    gap: 3,
    stroke: () => colours().text,
    ticks: { size: 4, width: 1, stroke: () => colours().text },
  };
  return {
    cursor: { show: false },
    legend: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    padding: [PLOT_INSET.top, PLOT_INSET.right, 0, 0],
    scales: {
      x: { time: false, range: [0, bounds.length + 1] },
      y: { range: (_plot, _least, most) => [0, topOf(most)] },
    },
    series: [{}, bars('bar'), bars('chosen')],
    axes: [
      {
        ...axis,
        size: PLOT_INSET.bottom,
        splits: () => bounds.map((_, index) => index + 1),
        values: () => bounds.map((bound) => (LABELLED.includes(bound) ? formatBound(bound) : '')),
        grid: { show: false },
      },
      {
        ...axis,
        size: PLOT_INSET.left,
        splits: (_plot, _axis, _least, top) => (top < 2 ? [0, top] : [0, top / 2, top]),
        values: (_plot, splits) => splits.map(formatNumber),
        grid: { width: 1, stroke: () => colours().line },
      },
    ],
  };
}

/** The first of 1, 2, 4, 6, 8, 10, 20, 40 … that is not below: it seldom changes, and its half is a whole number. */
function topOf(most: number | null): number {
  const wanted = Math.max(1, most ?? 1);
  const tens = 10 ** Math.floor(Math.log10(wanted));
  return tens * (TOPS.find((top) => top * tens >= wanted) ?? 10);
}

/** Bars by the middle of their class; those that are chosen are drawn over the others. */
function dataOf(counts: readonly number[], chosen: ClassRange | undefined): uPlot.AlignedData {
  const least = topOf(Math.max(...counts)) * BAR_SHARE_MIN;
  const heights = counts.map((count) => (count === 0 ? 0 : Math.max(count, least)));
  return [
    heights.map((_, index) => index + 0.5),
    heights,
    heights.map((height, index) => (isWithin(chosen, index) ? height : null)),
  ];
}

/** Each has its name in a line of its own, so that names never lie upon another or upon a line. */
function drawMarks({ ctx, bbox, valToPos }: uPlot, marks: readonly Mark[], colour: string): void {
  const ratio = uPlot.pxRatio;
  const foot = bbox.top + bbox.height;
  ctx.save();
  ctx.fillStyle = colour;
  ctx.strokeStyle = colour;
  ctx.lineWidth = ratio;
  ctx.font = `${FONT_SIZE * ratio}px system-ui, sans-serif`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'top';
  ctx.setLineDash([3 * ratio, 2 * ratio]);
  for (const [line, { name, at }] of marks.entries()) {
    // In the middle of a px, a line of 1 px is sharp.
    const x = Math.round(valToPos(at, 'x', true)) + ratio / 2;
    const top = line * MARK_LINE * ratio;
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, foot);
    ctx.stroke();
    ctx.fillText(name, x + 3 * ratio, top);
  }
  ctx.restore();
}
