import { flagName } from '../config.ts';
import { LivespanError, toLivespanError } from '../errors.ts';
import type { LivespanServer } from '../server/index.ts';
import type { Call, Command } from './command.ts';
import { aborted, catchInterrupt } from './interrupt.ts';
import { describeLog, mentionRedisUrl, SERVER_OPTIONS, startServer } from './serving.ts';
import { logToStderr } from './warnings.ts';

/** What a server that `start` has started tells its parent. */
export type DaemonMessage = { type: 'ready'; url: string } | { type: 'failed'; message: string };

export const serve: Command = {
  name: 'serve',
  summary: 'Run a server in the foreground: the live page, the feed, its history and the way in',
  usage: '[flags]',
  examples: [
    { line: 'livespan serve', doc: 'On http://127.0.0.1:4319 with an embedded log' },
    {
      line: 'LIVESPAN_URL=redis://127.0.0.1:6379 livespan serve',
      doc: 'With the log in Redis, shared with other servers',
    },
    { line: 'LIVESPAN_TOKEN=… livespan serve --host 0.0.0.0', doc: 'For other machines, who have to send the token' },
  ],
  options: SERVER_OPTIONS,
  ownOptions: [{ name: 'json', doc: 'Say where it listens as JSON' }],
  operandsMax: 0,
  run,
};

async function run({ given, own, output }: Call): Promise<number> {
  const interrupt = catchInterrupt();
  logToStderr(output);
  mentionRedisUrl(given, output);
  const log = describeLog(given);
  let server: LivespanServer;
  try {
    server = await startServer(given);
  } catch (thrown) {
    const error = explain(toLivespanError(thrown));
    tellParent({ type: 'failed', message: error.message });
    throw error;
  }
  const { url, otlpGrpcUrl, otlpHttpUrl } = server;
  await output.out(
    own.json
      ? JSON.stringify({ url, otlpGrpcUrl, otlpHttpUrl, pid: process.pid })
      : `livespan is listening on ${url} (${log})${describeOtlp(server)}`,
  );
  tellParent({ type: 'ready', url });
  await aborted(interrupt.signal);
  output.err('livespan is stopping');
  await server.close();
  interrupt.release();
  return interrupt.exitCode();
}

function describeOtlp({ otlpGrpcUrl, otlpHttpUrl }: LivespanServer): string {
  const doors = [otlpGrpcUrl && `gRPC ${otlpGrpcUrl}`, otlpHttpUrl && `HTTP ${otlpHttpUrl}`].filter(Boolean);
  return doors.length === 0 ? '' : `; OTLP by ${doors.join(' and ')}`;
}

function explain(error: LivespanError): LivespanError {
  if (error.code !== 'address_in_use') return error;
  // An OTLP door names the option whose port it is; the HTTP door's is `port`.
  const option = (['otlpGrpcPort', 'otlpHttpPort'] as const).find((name) => error.message.startsWith(`${name}:`));
  const advice = `another livespan may be running (livespan status); ${flagName(option ?? 'port')} takes another port`;
  return new LivespanError(error.code, `${error.message}; ${advice}`, { cause: error, details: error.details });
}

function tellParent(message: DaemonMessage): void {
  if (process.send === undefined) return;
  process.send(message, () => {
    if (process.connected) process.disconnect();
  });
}
