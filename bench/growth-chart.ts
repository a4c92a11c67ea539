import type { Point } from './growth.ts';

interface Curve {
  title: string;
  x: string;
  points: readonly Point[];
}
const PANEL = { width: 260, height: 170, gap: 30, left: 44, top: 34 };

/** Three small charts side by side, logarithmic both ways; colours that can be read on a light and on a dark page. */
export function drawGrowth(data: { byReaders: Point[]; byFilters: Point[]; byLoad: Point[] }): string {
  const curves: Curve[] = [
    { title: 'µs CPU an activity', x: 'readers of one filter', points: data.byReaders },
    { title: 'µs CPU an activity, 100 readers', x: 'distinct filters', points: data.byFilters },
    { title: 'ms p50 from append to reader', x: '% of the highest rate held', points: data.byLoad },
  ];
  const width = curves.length * (PANEL.width + PANEL.gap) + PANEL.left;
  const height = PANEL.top + PANEL.height + 56;
  const style =
    'text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600}.a{stroke:#888;fill:none}.c{stroke:#0a7d64;stroke-width:2;fill:none}.d{fill:#0a7d64}' +
    '@media(prefers-color-scheme:dark){text{fill:#ddd}.c{stroke:#3ad1ac}.d{fill:#3ad1ac}}';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="How livespan grows"><style>${style}</style>${curves.map(panel).join('')}</svg>\n`;
}

function panel(curve: Curve, index: number): string {
  const x0 = PANEL.left + index * (PANEL.width + PANEL.gap);
  const bottom = PANEL.top + PANEL.height;
  const toX = scale(
    curve.points.map(({ x }) => x),
    x0 + 14,
    x0 + PANEL.width - 30,
  );
  const toY = scale(
    curve.points.map(({ y }) => y),
    bottom - 14,
    PANEL.top + 20,
  );
  const places = curve.points.map(({ x, y }) => ({ x, y, px: toX(x).toFixed(1), py: toY(y).toFixed(1) }));
  return [
    `<text class="t" x="${x0}" y="20">${curve.title}</text>`,
    `<path class="a" d="M${x0} ${PANEL.top}V${bottom}H${x0 + PANEL.width - 10}"/>`,
    `<path class="c" d="M${places.map(({ px, py }) => `${px} ${py}`).join('L')}"/>`,
    ...places.map(
      ({ x, y, px, py }) =>
        `<circle class="d" cx="${px}" cy="${py}" r="3"/><text x="${px}" y="${Number(py) - 8}" text-anchor="middle">${Number(y.toPrecision(2))}</text><text x="${px}" y="${bottom + 18}" text-anchor="middle">${x}</text>`,
    ),
    `<text x="${x0 + PANEL.width / 2}" y="${bottom + 40}" text-anchor="middle">${curve.x}</text>`,
  ].join('');
}

/** Logarithmic, from the smallest value at `from` to the greatest at `to`. */
function scale(values: readonly number[], from: number, to: number): (value: number) => number {
  const low = Math.log(Math.min(...values));
  const span = Math.log(Math.max(...values)) - low || 1;
  return (value) => from + ((Math.log(value) - low) / span) * (to - from);
}
