import { startPipeline } from '../test/peers/support/pipeline.ts';
import { type PipelineFault, type PipelineRow, runPipelineFault } from '../test/peers/support/pipeline-row.ts';

const TITLES = [
  'fault',
  'load',
  'sent',
  'given back',
  'acknowledged',
  'on the feed, once each',
  'in Tempo',
  'dropped and counted by the Collector',
  'direct events, sent = on the feed',
  'direct delay p50 / p99',
  'besides',
  'sums',
] as const;
/** Columns of words; all others are figures. */
const WORDS: readonly string[] = ['fault', 'dropped and counted by the Collector', 'besides', 'sums'];

/** Runs them one after the other on one pipeline; a line each. */
export async function runPipelineFaults(
  faults: readonly PipelineFault[],
  say: (line: string) => void,
): Promise<PipelineRow[]> {
  const rows: PipelineRow[] = [];
  if (faults.length === 0) return rows;
  const pipeline = await startPipeline();
  try {
    for (const fault of faults) {
      const row = await runPipelineFault(pipeline, fault);
      rows.push(row);
      say([cells(row).join(' · '), ...row.problems.map((problem) => `    ${problem}`)].join('\n'));
    }
  } finally {
    await pipeline.close();
  }
  return rows;
}

function cells(row: PipelineRow): string[] {
  const { acknowledged, feed, tempo, direct } = row;
  const lost = ({ there }: { there: number }): string =>
    there === acknowledged ? String(there) : `${there} (${acknowledged - there} lost)`;
  const dropped = [
    ...(feed.dropped > 0 ? [`${feed.dropped} for livespan`] : []),
    ...(tempo.dropped > 0 ? [`${tempo.dropped} for Tempo`] : []),
  ];
  return [
    row.name,
    `${row.rate}/s`,
    String(row.sent),
    String(row.sent - acknowledged),
    String(acknowledged),
    lost(feed),
    lost(tempo),
    dropped.join(', ') || '0',
    `${direct.emitted} = ${direct.there}`,
    `${direct.p50Ms} / ${direct.p99Ms} ms`,
    row.notes.join(', ') || '-',
    row.problems.length === 0 ? 'agree' : 'WRONG',
  ];
}

/** The second table of docs/faults.md. */
export function pipelineReport(rows: readonly PipelineRow[]): string {
  return `
## Through a Collector, with Tempo

Each row is a real OpenTelemetry Collector with \`collector/config.yaml\`, a real Tempo, a real Redis (\`appendfsync always\`), a real \`livespan serve\` and a
reader over SSE. An application sends traces through OpenTelemetry's own gRPC exporter and knows of each span whether it was
acknowledged or given back; it also publishes 100 events a second straight into Redis. \`test/peers\` runs most of them with \`npm test\`.

| ${TITLES.join(' | ')} |
|${TITLES.map((title) => (WORDS.includes(title) ? '---' : '---:')).join('|')}|
${rows.map((row) => `| ${cells(row).join(' | ')} |`).join('\n')}

What is done in each row:

${rows.map(({ name, what }) => `- **${name}**: ${what}.`).join('\n')}

The sums: every span that was sent was acknowledged or given back. Of the acknowledged, each is on the feed exactly once and in Tempo, by its trace id, but
for those that the Collector counts as dropped (\`otelcol_exporter_enqueue_failed_spans\`), exactly as many; what it refused for want of memory it counts too
(\`otelcol_receiver_refused_spans\`), and none of it is anywhere. Two faults lose what nobody counts: a Collector that is killed without
\`persistent-queues.yaml\`, what waited in its memory; a Tempo that is killed, what it had acknowledged and not written yet. Events that are published directly are all there in every row; they wait where livespan or Redis themselves are away.
`;
}
