import { cpus } from 'node:os';
import { isMet, type Row } from './harness.ts';

export function figureOf(row: Row): string {
  const digits = row.value >= 100 ? 0 : row.value >= 10 ? 1 : row.value >= 0.1 ? 2 : 4;
  return `${row.value.toFixed(digits)}${row.unit === undefined ? '' : ` ${row.unit}`}`;
}

export function targetOf(row: Row): string {
  return row.target === undefined ? '' : `${row.target.sign} ${Number(row.target.value.toPrecision(3))}`;
}

export function verdictOf(row: Row): string {
  return row.target === undefined ? '' : isMet(row) ? 'met' : 'MISSED';
}

/** As Markdown, with when and where below it. @param how how often it was measured, in words */
export function resultsTable(rows: readonly Row[], how: string): string {
  const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}`;
  return [
    '| what | measured | target | | figures |',
    '|---|---|---|---|---|',
    ...rows.map(
      (row) => `| ${row.what} | **${figureOf(row)}** | ${targetOf(row)} | ${verdictOf(row)} | ${row.detail} |`,
    ),
    '',
    `${new Date().toISOString().slice(0, 10)}, ${how}, ${machine}.`,
  ].join('\n');
}
