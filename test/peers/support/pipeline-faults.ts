import { setTimeout as sleep } from 'node:timers/promises';
import type { PipelineFault, Scene } from './pipeline-row.ts';
import { until } from './program.ts';

/** What can happen between a Collector, livespan and Tempo. */
export const PIPELINE_FAULTS: readonly PipelineFault[] = [
  {
    name: 'Tempo is down',
    what: 'it ends in order under load and comes back when 3,000 spans wait for it',
    async run(scene) {
      await scene.pipeline.tempo.end();
      await waiting(scene, 'tempo', 3_000);
      await scene.pipeline.tempo.restart();
      await scene.moved();
    },
  },
  {
    name: 'Tempo is killed with -9',
    what: 'under load, when it has just acknowledged spans: those that it held in memory are gone with it, which no Collector can know',
    loses: { tempo: 'silent' },
    async run(scene) {
      const sent = () => scene.collector.figure('otelcol_exporter_sent_spans', 'exporter="otlp_grpc/tempo"');
      await until('spans that Tempo acknowledged', async () => (await sent()) > 0);
      await scene.pipeline.tempo.kill();
      scene.note(`Tempo had acknowledged ${await sent()}`);
      await waiting(scene, 'tempo', 1_000);
      await scene.pipeline.tempo.restart();
      await scene.moved();
    },
  },
  {
    name: 'livespan is killed with -9',
    what: 'under load; it comes back when 2,000 spans wait for it',
    async run(scene) {
      await scene.pipeline.livespan.kill();
      await waiting(scene, 'feed', 2_000);
      await scene.pipeline.livespan.restart();
      await scene.moved();
    },
  },
  {
    name: 'Redis is killed with -9',
    what: 'under load, appendfsync always; livespan answers overload; it comes back when 2,000 spans wait',
    async run(scene) {
      const { redis } = scene.pipeline;
      await redis.kill();
      await waiting(scene, 'feed', 2_000);
      await redis.restart();
      await scene.moved();
    },
  },
  {
    name: "Tempo's queue is full",
    what: 'TEMPO_QUEUE_ITEMS=3000 and Tempo away: the newest batches are dropped and counted; Tempo comes back',
    env: { TEMPO_QUEUE_ITEMS: '3000' },
    isTempoAway: true,
    loses: { tempo: 'counted' },
    async run(scene) {
      await until('drops', async () => (await scene.dropped('tempo')) > 0);
      await scene.pipeline.tempo.restart();
      await scene.moved();
    },
  },
  {
    name: "livespan's queue is full",
    what: 'LIVESPAN_QUEUE_ITEMS=3000 and livespan away: the newest batches are dropped and counted; livespan comes back',
    env: { LIVESPAN_QUEUE_ITEMS: '3000' },
    loses: { feed: 'counted' },
    async run(scene) {
      await scene.pipeline.livespan.kill();
      await until('drops', async () => (await scene.dropped('feed')) > 0);
      await scene.pipeline.livespan.restart();
      await scene.moved();
    },
  },
  {
    name: 'the Collector is short of memory',
    what: 'COLLECTOR_MEMORY_MIB=40 and Tempo away, until 4 KiB spans in its queue take the memory: the application gets spans back; Tempo comes back',
    env: { COLLECTOR_MEMORY_MIB: '40', COLLECTOR_MEMORY_SPIKE_MIB: '10' },
    isTempoAway: true,
    paddingBytes: 4_096,
    refuses: 'counted',
    async run(scene) {
      await until('refusals', () => scene.sender.refused.size > 0);
      scene.note(`${await scene.queued('tempo')} waited when it refused`);
      await scene.pipeline.tempo.restart();
      await scene.moved();
    },
  },
  {
    name: 'the Collector is killed with -9',
    what: 'while 3,000 spans wait in its memory for Tempo; it is started again, then Tempo',
    isTempoAway: true,
    loses: { feed: 'batch', tempo: 'silent' },
    refuses: 'away',
    run: killWaiting,
  },
  {
    name: 'the Collector is killed with -9, queues on disk',
    what: 'the same with persistent-queues.yaml',
    overlay: 'persistent-queues.yaml',
    isTempoAway: true,
    refuses: 'away',
    run: killWaiting,
  },
  {
    name: 'the Collector is killed with -9 three times, queues on disk',
    what: 'nothing else is down, so requests are on their way; livespan knows those that come again',
    overlay: 'persistent-queues.yaml',
    refuses: 'away',
    async run(scene) {
      for (let round = 0; round < 3; round += 1) {
        await scene.collector.kill();
        await scene.collector.restart();
        await scene.moved();
      }
    },
  },
];

async function killWaiting(scene: Scene): Promise<void> {
  await waiting(scene, 'tempo', 3_000);
  scene.note(`${await scene.queued('tempo')} waited for Tempo`);
  await scene.collector.kill();
  await sleep(1_000);
  await scene.collector.restart();
  await scene.moved();
  await scene.pipeline.tempo.restart();
  await scene.moved();
}

async function waiting(scene: Scene, way: 'feed' | 'tempo', count: number): Promise<void> {
  await until(`${count} spans that wait`, async () => (await scene.queued(way)) >= count);
}
