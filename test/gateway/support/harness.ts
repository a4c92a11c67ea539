import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import type { Attributes } from '../../../src/activity/activity.ts';
import { registerPublisher } from '../../../src/sdk/publisher.ts';
import type { NewActivity, Publisher } from '../../../src/sdk/publisher-contract.ts';

/** Waits for a condition, never for a time. */
export async function until<T>(what: string, look: () => T | undefined | false, timeoutMs = 15_000): Promise<T> {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

type Recorded = NewActivity & { attributes: Attributes };

/** A publisher of the public kind that keeps everything. */
export interface Recorder {
  activities: Recorded[];
  named(name: string): Recorded[];
  /** Waits until `count` activities of that name are there, and gives them. */
  wait(name: string, count?: number): Promise<Recorded[]>;
  clear(): void;
}

export function record(): Recorder {
  const activities: Recorded[] = [];
  const publisher: Publisher = {
    publish: (activity) => void activities.push({ ...activity, attributes: activity.attributes ?? {} }),
    flush: async () => undefined,
    close: async () => undefined,
    stats: () => ({
      emitted: activities.length,
      published: activities.length,
      queued: 0,
      dropped: { queue_full: 0, too_large: 0, invalid: 0, rejected: 0, unconfirmed: 0, closed: 0 },
    }),
  };
  registerPublisher(publisher);
  const named = (name: string) => activities.filter((activity) => activity.name === name);
  return {
    activities,
    named,
    async wait(name, count = 1) {
      await until(`${count} × ${name}`, () => named(name).length >= count);
      return named(name);
    },
    clear: () => void activities.splice(0),
  };
}

/** A real SDK: context manager, propagator and spans kept in memory. */
export interface Sdk {
  spans(): ReadableSpan[];
  shutdown(): Promise<void>;
}

export function startSdk(): Sdk {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register({
    contextManager: new AsyncLocalStorageContextManager().enable(),
    propagator: new W3CTraceContextPropagator(),
  });
  return {
    spans: () => exporter.getFinishedSpans(),
    async shutdown() {
      await provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

/** Servers of one test; `close` closes all of them with their connections. */
export class Servers {
  readonly #servers: Server[] = [];

  async start(listener: RequestListener): Promise<string> {
    return this.listen(createServer(listener));
  }

  async listen(server: Server): Promise<string> {
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.splice(0).map(async (server) => {
        const closed = once(server, 'close');
        server.close();
        server.closeAllConnections();
        await closed;
      }),
    );
  }
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;
