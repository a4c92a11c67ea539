/**
 * `npm run bench [-- --quick] [--memory-minutes 10] [name …]`: measures, prints a table with the target beside each figure and,
 * unless it is quick, writes it into bench/RESULTS.md.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { callSite } from './call-site.ts';
import { collectorBench } from './collector.ts';
import { growth } from './growth.ts';
import { type Bench, isMet, type Row } from './harness.ts';
import { importCost } from './import-cost.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { otlp } from './otlp.ts';
import { redisBench } from './redis.ts';
import { figureOf, resultsTable, targetOf, verdictOf } from './results-table.ts';
import { sse } from './sse.ts';

const BENCHES: readonly Bench[] = [
  importCost,
  callSite,
  redisBench,
  latency,
  sse,
  growth,
  memory,
  collectorBench,
  otlp,
];

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    repeats: { type: 'string' },
    'memory-minutes': { type: 'string' },
  },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`no bench is called ${unknown.join(', ')}; there are ${BENCHES.map((bench) => bench.name).join(', ')}`);
  process.exit(2);
}
const repeats = Number(values.repeats ?? (values.quick ? 1 : 5));
const memoryMinutes = Number(values['memory-minutes'] ?? (values.quick ? 0 : 10));
const chosen = BENCHES.filter((bench) =>
  // The Collector's batches are waited for, so it is quick only when it is asked for.
  positionals.length === 0 ? !(values.quick && bench === collectorBench) : positionals.includes(bench.name),
);
const resultsFile = join(import.meta.dirname, 'RESULTS.md');
const sections: { bench: Bench; rows: Row[] }[] = [];
for (const bench of chosen) {
  const startMs = performance.now();
  const rows = await bench.run({
    repeats,
    isQuick: values.quick,
    memoryMinutes,
    say: (line) => console.error(`· ${line}`),
  });
  sections.push({ bench, rows });
  console.log(`\n${bench.title} (${((performance.now() - startMs) / 1_000).toFixed(0)} s)\n${table(rows)}`);
  if (!values.quick) await writeFile(resultsFile, report(await readFile(resultsFile, 'utf8').catch(() => '')));
}
const missed = sections.flatMap(({ rows }) => rows).filter((row) => !isMet(row));
console.log(missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${missed.map((row) => row.what).join('; ')}`);
if (!values.quick) console.log('written to bench/RESULTS.md');

function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.what, figureOf(row), targetOf(row), verdictOf(row), row.detail]);
  const widths = cells.reduce(
    (max, row) => row.map((cell, index) => Math.max(max[index] ?? 0, cell.length)),
    [] as number[],
  );
  return cells
    .map(
      (row) =>
        `  ${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}`,
    )
    .join('\n');
}

/** What was measured now in place of what these benches measured before; every section says when it was measured. */
function report(before: string): string {
  const parts = new Map(before.split(/^(?=## )/m).map((part) => [part.split('\n', 1)[0], part.trim()]));
  for (const { bench, rows } of sections) {
    const how = `medians of ${repeats} interleaved repeats`;
    parts.set(`## ${bench.title}`, `## ${bench.title}\n\n${resultsTable(rows, how)}`);
  }
  const ordered = BENCHES.flatMap(({ title }) => parts.get(`## ${title}`) ?? []);
  return `# Measured

\`npm run bench\`; ratios are taken repeat by repeat in one run, absolute figures move with the machine.

${ordered.join('\n\n')}
`;
}
