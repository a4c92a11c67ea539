/**
 * `npm run faults [-- --rate 5000] [name …]`: every fault row under load, one after the other, then those of the pipeline
 * where Collector and Tempo are at hand. Prints the fault tables, ends with 1 when a sum does not agree, and writes
 * docs/faults.md when all rows ran.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DATA_FAULTS } from '../test/faults/support/data-faults.ts';
import { LOG_FAULTS } from '../test/faults/support/log-faults.ts';
import { REACH_FAULTS } from '../test/faults/support/reach-faults.ts';
import { type FaultRow, runFault } from '../test/faults/support/row.ts';
import { whyNot } from '../test/peers/at-hand.ts';
import { PIPELINE_FAULTS } from '../test/peers/support/pipeline-faults.ts';
import type { PipelineRow } from '../test/peers/support/pipeline-row.ts';
import { pipelineReport, runPipelineFaults } from './pipeline-faults.ts';

const FAULTS = [...LOG_FAULTS, ...DATA_FAULTS, ...REACH_FAULTS];
const TITLES = [
  'fault',
  'load',
  'emitted',
  'published',
  'dropped (by reason)',
  'delivered',
  'told',
  'lost with the log',
  'sums',
] as const;

const { values, positionals } = parseArgs({
  options: { rate: { type: 'string', default: '5000' } },
  allowPositionals: true,
});
const isChosen = ({ name }: { name: string }): boolean =>
  positionals.length === 0 || positionals.some((part) => name.includes(part));
const chosen = FAULTS.filter(isChosen);
const rows: FaultRow[] = [];
for (const fault of chosen) {
  const row = await runFault(fault, { rate: Number(values.rate) });
  rows.push(row);
  console.log(`${cells(row).join(' · ')}${row.problems.map((problem) => `\n    ${problem}`).join('')}`);
}
const pipelineFaults = PIPELINE_FAULTS.filter(isChosen);
const leftOut = whyNot('collector', 'tempo');
let pipelineRows: PipelineRow[] = [];
if (leftOut === undefined) pipelineRows = await runPipelineFaults(pipelineFaults, (line) => console.log(line));
else if (pipelineFaults.length > 0) console.log(`${pipelineFaults.length} faults of the pipeline left out: ${leftOut}`);

const wrong = [...rows, ...pipelineRows].filter(({ problems }) => problems.length > 0);
const count = rows.length + pipelineRows.length;
console.log(wrong.length === 0 ? `${count} faults, every sum agrees.` : `${wrong.length} rows are wrong.`);
if (count === FAULTS.length + PIPELINE_FAULTS.length && wrong.length === 0) {
  await writeFile(join(import.meta.dirname, '../docs/faults.md'), report() + pipelineReport(pipelineRows));
  console.log('written to docs/faults.md');
}
process.exitCode = wrong.length === 0 ? 0 : 1;

function cells({ name, rate, stats, told, delivered, repeated, missed, lost, problems }: FaultRow): string[] {
  const dropped = byReason(stats.dropped);
  const words = [
    ...(told.dropped > 0 ? [`${told.dropped} dropped (${byReason(told.droppedByReason)})`] : []),
    ...(told.gaps > 0 ? [`gap of ${missed}`] : []),
    ...(told.resets > 0 ? [`${told.resets} reset${told.resets === 1 ? '' : 's'}`] : []),
  ];
  return [
    name,
    `${rate}/s`,
    String(stats.emitted),
    String(stats.published),
    dropped === '' ? '0' : dropped,
    `${delivered}${repeated > 0 ? ` (${repeated} of them twice)` : ''}`,
    words.length === 0 ? 'nothing to tell' : words.join(', '),
    String(lost),
    problems.length === 0 ? 'agree' : 'WRONG',
  ];
}

function byReason(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ');
}

function report(): string {
  const what = rows.map((row) => `- **${row.name}**: ${row.what}.`);
  return `# Faults

\`npm run faults\` on ${new Date().toISOString().slice(0, 10)}. Each row is a real application process that calls \`emitEvent\` under load, a real Redis, a real
\`livespan serve\` and three SSE readers (two by \`openFeed\`, one by the stock \`eventsource\` client) that follow from the
beginning; then the fault is made for real. \`test/faults\` runs the same rows with \`npm test\` and fails when a sum is off by one.

| ${TITLES.join(' | ')} |
|${TITLES.map((_, index) => (index === 0 || index === 4 || index >= 6 ? '---' : '---:')).join('|')}|
${rows.map((row) => `| ${cells(row).join(' | ')} |`).join('\n')}

What is done in each row:

${what.join('\n')}

## The sums

For the application, after every burst of calls and at the end: \`emitted = published + queued + Σ dropped{reason}\`. For each reader (the table shows
the one that got least): \`emitted = delivered + told as dropped + missed in gaps + lost with the log\`; every notice and every gap stands
exactly where the events are missing, with exactly their number; nothing comes twice; and where there was no reset, events and notices seen + entries missed are
what the log has numbered.

A log that loses its data (restart without persistence, FLUSHALL) says **reset** to every reader. Only then may two things happen:
entries that no server had read yet are gone with the data (*lost with the log*), and a batch whose answer was lost with it is sent again, to the new log, so
that readers who saw it in the old one see it twice. \`unconfirmed\` and \`closed\` appear only when an application ends while the log is away:
\`unconfirmed\` was sent and may have arrived, \`closed\` was never sent; nobody is left to tell readers about them.
`;
}
