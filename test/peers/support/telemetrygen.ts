import { peerPath } from '../at-hand.ts';
import { run } from '../progress.ts';

/** Sends traces of `spansEach` spans, over gRPC unless `http`; a rate of 0 is as fast as it goes. Resolves when all is sent. */
export async function generateTraces(options: {
  port: number;
  traces: number;
  spansEach: number;
  service: string;
  http?: boolean;
  rate?: number;
  statusCode?: 'Unset' | 'Error' | 'Ok';
}): Promise<void> {
  await generate('traces', options, [
    ...['--traces', String(options.traces), '--child-spans', String(options.spansEach - 1)],
    ...(options.statusCode === undefined ? [] : ['--status-code', options.statusCode]),
  ]);
}

/** Sends log records. */
export async function generateLogs(options: {
  port: number;
  logs: number;
  service: string;
  body: string;
  traceId?: string;
  http?: boolean;
}): Promise<void> {
  await generate('logs', options, [
    ...['--logs', String(options.logs), '--body', options.body],
    ...(options.traceId === undefined ? [] : ['--trace-id', options.traceId]),
  ]);
}

async function generate(
  signal: 'traces' | 'logs',
  { port, service, http, rate }: { port: number; service: string; http?: boolean; rate?: number },
  args: readonly string[],
): Promise<void> {
  await run(peerPath('telemetrygen'), [
    signal,
    ...['--otlp-endpoint', `127.0.0.1:${port}`, '--otlp-insecure', '--service', service, '--rate', String(rate ?? 0)],
    ...(http === true ? ['--otlp-http'] : []),
    ...args,
  ]);
}
