import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, startCollector } from './collector.ts';
import type { Pipeline } from './pipeline.ts';
import { until } from './program.ts';
import { spanCounts } from './reader.ts';
import { type Sender, startSender } from './sender.ts';
import { findSpans } from './tempo.ts';

export type Way = 'feed' | 'tempo';
export const EXPORTERS: Readonly<Record<Way, string>> = { feed: 'otlp_http/livespan', tempo: 'otlp_grpc/tempo' };

/**
 * `counted`: exactly as many as the Collector says that it dropped. `silent`: some, and nobody counts them. `batch`: as
 * many as came in the last moments, or none.
 */
type Loss = 'counted' | 'silent' | 'batch';

export interface PipelineFault {
  name: string;
  /** What is done, in a sentence, for the table. */
  what: string;
  /** On top of config.yaml. */
  overlay?: string;
  /** For the Collector. */
  env?: Readonly<Record<string, string>>;
  /** Tempo is killed before the first span comes, so that nothing but the Collector can lose one. */
  isTempoAway?: true;
  /** Text that each span carries, bytes. */
  paddingBytes?: number;
  run(scene: Scene): Promise<void>;
  /** What the Collector must have acknowledged and lost; nothing elsewhere. */
  loses?: Readonly<Partial<Record<Way, Loss>>>;
  /** The application gets spans back: from a Collector that counts them, or perhaps, because it is away for a moment. */
  refuses?: 'counted' | 'away';
}

export interface Scene {
  readonly pipeline: Pipeline;
  readonly collector: Collector;
  readonly sender: Sender;
  /** Until so many more spans were acknowledged; by default half a second's. */
  moved(count?: number): Promise<void>;
  queued(way: Way): Promise<number>;
  dropped(way: Way): Promise<number>;
  /** A figure of this run, for the table. */
  note(text: string): void;
}

export interface PipelineRow {
  name: string;
  what: string;
  rate: number;
  sent: number;
  acknowledged: number;
  /** Of the acknowledged: how many are there, and how many the Collector says that it dropped. */
  feed: { there: number; dropped: number };
  tempo: { there: number; dropped: number };
  direct: { emitted: number; there: number; p50Ms: number; p99Ms: number };
  notes: string[];
  problems: string[];
}

const WAIT_MS = 60_000;
const LATE_MS = 3_000;
/** What a batch of 100 ms and the requests on their way may hold, as seconds of load. */
const BATCH_SECONDS_MAX = 1;

/** Runs the fault under load and does the sums. The pipeline is whole again afterwards. */
export async function runPipelineFault(pipeline: Pipeline, fault: PipelineFault, rate = 1_000): Promise<PipelineRow> {
  const { livespan, tempo, redis, feed } = pipeline;
  const folder = await mkdtemp(join(tmpdir(), 'livespan-queues-'));
  const configs = ['config.yaml', ...(fault.overlay === undefined ? [] : [fault.overlay])];
  const collector = await startCollector(configs, {
    LIVESPAN_OTLP_ENDPOINT: livespan.otlpHttpUrl,
    LIVESPAN_TOKEN: livespan.token,
    TEMPO_OTLP_ENDPOINT: tempo.otlp,
    COLLECTOR_QUEUE_FOLDER: join(folder, 'queues'),
    ...fault.env,
  });
  const service = fault.name.replaceAll(/[^a-z0-9]+/gi, '-');
  pipeline.delaysMs.length = 0;
  const notes: string[] = [];
  if (fault.isTempoAway === true) await tempo.kill();
  const { paddingBytes = 0 } = fault;
  const sender = startSender({ service, otlpPort: collector.grpcPort, redisUrl: redis.url, feed, rate, paddingBytes });
  try {
    const scene: Scene = {
      pipeline,
      collector,
      sender,
      async moved(count = rate / 2) {
        const goal = sender.acknowledged.size + count;
        await until(`${count} more spans`, () => sender.acknowledged.size >= goal, { timeoutMs: WAIT_MS });
      },
      queued: (way) => collector.figure('otelcol_exporter_queue_size', `exporter="${EXPORTERS[way]}"`),
      dropped: (way) => collector.figure('otelcol_exporter_enqueue_failed_spans', `exporter="${EXPORTERS[way]}"`),
      note: (text) => notes.push(text),
    };
    await scene.moved();
    await fault.run(scene);
    await sender.stop();
    return { ...(await settleAndJudge(fault, scene, rate)), notes };
  } finally {
    await sender.close();
    await collector.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function settleAndJudge(fault: PipelineFault, scene: Scene, rate: number): Promise<Omit<PipelineRow, 'notes'>> {
  const { pipeline, sender, collector } = scene;
  const { reader, tempo, delaysMs } = pipeline;
  const isEmpty = async () => (await scene.queued('feed')) + (await scene.queued('tempo')) === 0;
  await until('empty queues', isEmpty, { timeoutMs: WAIT_MS });
  // Each way keeps its order but for a few requests in flight: when the last span is there, so is what was before it.
  const last = await sender.last();
  const counts = () => spanCounts(reader.activities, sender.service);
  await until('the last span on the feed', () => counts().has(last.spanId), { timeoutMs: WAIT_MS });
  const hasLast = async () => (await tempo.trace(last.traceId)).length > 0;
  await until('the last span in Tempo', hasLast, { timeoutMs: WAIT_MS });

  const directThere = () =>
    reader.activities.filter((each) => each.name === 'load.direct' && each.service === sender.service);
  await until('the direct events', () => directThere().length >= sender.directCount(), { timeoutMs: WAIT_MS });
  const missing = (there: { has(id: string): boolean }): number =>
    [...sender.acknowledged].reduce((sum, id) => sum + (there.has(id) ? 0 : 1), 0);
  // Tempo does not find a trace while it moves it from memory to its file: asked again, it does.
  const inTempo = new Set<string>();
  await findSpans(tempo, sender.spans, inTempo);
  const lateMs = Date.now() + (fault.loses?.tempo === undefined ? WAIT_MS : LATE_MS);
  while (missing(inTempo) > 0 && Date.now() < lateMs) {
    await sleep(500);
    await findSpans(tempo, sender.spans, inTempo);
  }

  const problems: string[] = [];
  const expect = (holds: boolean, what: string): void => {
    if (!holds) problems.push(what);
  };
  const onFeed = counts();
  const { spans, acknowledged, refused } = sender;
  const sent = spans.size;
  expect(sent === acknowledged.size + refused.size, `${sent} sent, ${acknowledged.size} and ${refused.size} answered`);
  const twice = [...onFeed.values()].filter((times) => times > 1).length;
  expect(twice === 0, `${twice} spans more than once on the feed`);
  expect(
    [...onFeed.keys(), ...inTempo].every((id) => spans.has(id)),
    'a span that was never sent',
  );
  expect(reader.losses.length === 0, `the reader was told of ${reader.losses.join(', ')}`);
  expect(
    directThere().length === sender.directCount(),
    `${directThere().length} of ${sender.directCount()} direct events`,
  );

  const wayOf = async (way: Way, there: { has(id: string): boolean }) => {
    const lost = missing(there);
    const dropped = await scene.dropped(way);
    const loss = fault.loses?.[way];
    if (loss === 'silent') expect(lost > 0, `${way}: the fault lost nothing`);
    else if (loss === 'batch') expect(lost <= rate * BATCH_SECONDS_MAX, `${way}: ${lost} lost, more than a batch`);
    else expect(lost === dropped, `${way}: ${lost} lost, ${dropped} counted by the Collector`);
    expect(loss !== 'counted' || lost > 0, `${way}: the fault dropped nothing`);
    expect(loss !== undefined || lost === 0, `${way}: ${lost} lost`);
    return { there: acknowledged.size - lost, dropped };
  };
  const row = {
    name: fault.name,
    what: fault.what,
    rate,
    sent,
    acknowledged: acknowledged.size,
    feed: await wayOf('feed', onFeed),
    tempo: await wayOf('tempo', inTempo),
    direct: { emitted: sender.directCount(), there: directThere().length, ...quantiles(delaysMs) },
    problems,
  };
  expect(fault.refuses !== undefined || refused.size === 0, `${refused.size} spans were given back`);
  if (fault.refuses === 'counted') {
    expect(refused.size > 0, 'no span was given back');
    const counted = await collector.figure('otelcol_receiver_refused_spans');
    expect(counted === refused.size, `${refused.size} spans given back, ${counted} counted by the Collector`);
    const taken = [...refused].filter((id) => onFeed.has(id) || inTempo.has(id)).length;
    expect(taken === 0, `${taken} of the spans that were given back are there`);
  }
  return row;
}

function quantiles(values: readonly number[]): { p50Ms: number; p99Ms: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.floor(share * sorted.length)] ?? 0);
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
