import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peerPath } from '../at-hand.ts';
import { answersOk, freePorts, type Program, startProgram } from './program.ts';

const ASKING_AT_ONCE = 8;
const CONFIG = fileURLToPath(new URL('../../../compose/tempo.yaml', import.meta.url));

export interface TempoSpan {
  name: string;
  spanId: string;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
}

/** A Tempo with the configuration of the compose file, on free loopback ports and a folder of its own. */
export interface Tempo {
  /** OTLP/gRPC, `host:port`. */
  readonly otlp: string;
  readonly url: string;
  /** The spans of a trace, by its id; none while Tempo does not know it. */
  trace(traceId: string): Promise<TempoSpan[]>;
  /** `kill -9`; what it had written stays. */
  kill(): Promise<void>;
  /** SIGTERM: it writes what it holds and ends; the folder stays. */
  end(): Promise<void>;
  /** Starts it again on the same ports and folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTempo(): Promise<Tempo> {
  const [otlpPort = 0, httpPort = 0, grpcPort = 0, membersPort = 0] = await freePorts(4);
  const dir = await mkdtemp(join(tmpdir(), 'livespan-tempo-'));
  const url = `http://127.0.0.1:${httpPort}`;
  const launch = (): Promise<Program> =>
    startProgram({
      path: peerPath('tempo'),
      args: [`-config.file=${CONFIG}`, '-config.expand-env=true'],
      env: {
        TEMPO_ADDRESS: '127.0.0.1',
        TEMPO_OTLP_PORT: String(otlpPort),
        TEMPO_HTTP_PORT: String(httpPort),
        TEMPO_GRPC_PORT: String(grpcPort),
        TEMPO_MEMBERS_PORT: String(membersPort),
        TEMPO_DATA: dir,
      },
      isReady: () => answersOk(`${url}/ready`),
    });
  let program = await launch();
  return {
    otlp: `127.0.0.1:${otlpPort}`,
    url,
    trace: (traceId) => readTrace(url, traceId),
    kill: () => program.kill(),
    end: () => program.stop(),
    async restart() {
      await program.kill();
      program = await launch();
    },
    async stop() {
      await program.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/**
 * Adds the ids of the spans that Tempo has to `found`, asking for each trace of which some are not there yet. Ask again:
 * Tempo does not find a trace while it moves it from memory to its file.
 * @param spans span id → trace id
 */
export async function findSpans(tempo: Tempo, spans: ReadonlyMap<string, string>, found: Set<string>): Promise<void> {
  const traceIds = [...new Set([...spans].flatMap(([spanId, traceId]) => (found.has(spanId) ? [] : traceId)))];
  const ask = async (): Promise<void> => {
    for (let traceId = traceIds.pop(); traceId !== undefined; traceId = traceIds.pop()) {
      for (const { spanId } of await tempo.trace(traceId)) found.add(spanId);
    }
  };
  await Promise.all(Array.from({ length: ASKING_AT_ONCE }, ask));
}

interface KeyValue {
  key: string;
  value: Record<string, unknown>;
}
interface RawSpan {
  name: string;
  spanId: string;
  attributes?: KeyValue[];
  events?: { name: string; attributes?: KeyValue[] }[];
}

async function readTrace(url: string, traceId: string): Promise<TempoSpan[]> {
  const response = await fetch(`${url}/api/traces/${traceId}`, { headers: { accept: 'application/json' } });
  if (response.status === 404) {
    await response.arrayBuffer();
    return [];
  }
  if (!response.ok) throw new Error(`Tempo answered ${response.status}: ${await response.text()}`);
  const { batches } = (await response.json()) as { batches: { scopeSpans: { spans: RawSpan[] }[] }[] };
  return batches
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map(({ name, spanId, attributes, events }) => ({
      name,
      spanId: Buffer.from(spanId, 'base64').toString('hex'),
      attributes: valuesOf(attributes),
      events: (events ?? []).map((event) => ({ name: event.name, attributes: valuesOf(event.attributes) })),
    }));
}

function valuesOf(list: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
}
