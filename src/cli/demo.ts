import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { environment, type GivenOptions, type OptionName, parse, readOptions } from '../config.ts';
import { LivespanError } from '../errors.ts';
import { usageError } from './arguments.ts';
import type { Call, Command } from './command.ts';
import { createChatClient, driveTraffic } from './demo-traffic.ts';
import { catchInterrupt } from './interrupt.ts';
import type { Output } from './output.ts';
import { mentionRedisUrl, READER_URL_DEFAULT, SERVER_OPTIONS, startServerSomewhere } from './serving.ts';
import { logToStderr } from './warnings.ts';

export const demo: Command = {
  name: 'demo',
  summary: 'See everything at work: a server, an LLM gateway, an upstream and real requests; nothing else is needed',
  usage: '[flags]',
  examples: [
    { line: 'livespan demo', doc: 'Prints the address of the live page and what to try; Ctrl-C ends it' },
    { line: 'livespan demo --requests-per-second 20 --exit-after 1m', doc: 'Busier, and only for a minute' },
  ],
  options: SERVER_OPTIONS,
  ownOptions: [
    { name: 'requests-per-second', value: 'n', doc: 'How often the gateway is called, 0.1 to 100 [default 2]' },
    { name: 'exit-after', value: 'time', doc: 'End by itself, e.g. after 30s' },
  ],
  operandsMax: 0,
  run,
};

const RATE_DEFAULT = 2;
const CHILD_START_TIMEOUT_MS = 20_000;
const CHILD_END_TIMEOUT_MS = 5_000;
const EXAMPLES = new URL('../../examples/gateway/', import.meta.url);

async function run(call: Call): Promise<number> {
  const { given, own, output } = call;
  const rate = readRate(own['requests-per-second']);
  const exitAfterMs = readTime(own['exit-after']);
  const interrupt = catchInterrupt();
  logToStderr(output);
  mentionRedisUrl(given, output);
  const server = await startServerSomewhere(given, output);
  const children: ChildProcess[] = [];
  try {
    const upstream = await startExample('upstream.js', {}, children);
    const gateway = await startExample('server.js', gatewayEnvironment(given, server.url, upstream), children);
    const { token, traceUrl } = readOptions(['token', 'traceUrl'], given);
    await introduce({ url: server.url, gateway, hasTraceUrl: traceUrl !== undefined }, output);
    if (token !== undefined) {
      await output.out("The server asks for a token: sign in on the page; curl takes -H 'authorization: Bearer …'\n");
    }
    const ended = AbortSignal.any([
      interrupt.signal,
      output.unread,
      ...(exitAfterMs === undefined ? [] : [AbortSignal.timeout(exitAfterMs)]),
      ...children.map(unexpectedEnd),
    ]);
    const client = await createChatClient(gateway);
    const totals = await driveTraffic({ client, rate, signal: ended, say: (line) => void output.out(line) });
    if (ended.reason instanceof LivespanError) throw ended.reason;
    await output.out(
      `\n${totals.sent} requests: ${totals.answered} answered, ${totals.failed} failed as they should or broke off`,
    );
    return interrupt.exitCode();
  } finally {
    await Promise.all(children.map(endChild));
    await server.close();
    interrupt.release();
  }
}

async function introduce(
  { url, gateway, hasTraceUrl }: { url: string; gateway: string; hasTraceUrl: boolean },
  { out, paint }: Output,
): Promise<void> {
  const at = url === READER_URL_DEFAULT ? '' : ` --url ${url}`;
  const rows: [string, string][] = [
    ['live page', paint('bold', `${url}/`)],
    ['stream', `curl -N '${url}/activity/stream?since=1m'`],
    ['terminal', `npx livespan tail 'name:gateway.*' --since 1m${at}`],
    ['history', `curl '${url}/activity?limit=5'`],
    ['figures', `npx livespan stats${at}`],
    [
      'your own call',
      `curl ${gateway}/v1/chat/completions -H 'content-type: application/json' -d '{"model":"slow","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`,
    ],
  ];
  if (!hasTraceUrl) {
    rows.push([
      'trace backend',
      '--trace-url \'http://127.0.0.1:16686/trace/{traceId}\' puts "Open in Jaeger" on the page',
    ]);
  }
  await out(paint('bold', 'livespan demo: a gateway in front of a language model, traced live'));
  await out('');
  for (const [name, text] of rows) await out(`  ${paint('cyan', name.padEnd(14))} ${text}`);
  await out('');
  await out(paint('dim', 'Real requests go through the gateway now; Ctrl-C ends.'));
  await out('');
}

function gatewayEnvironment(given: GivenOptions<OptionName>, url: string, upstreamUrl: string): NodeJS.ProcessEnv {
  const { token } = readOptions(['token'], given);
  const env = environment();
  // A Collector is asked only where somebody has said where it is.
  const hasEndpoint = Object.keys(env).some((name) => /^OTEL_EXPORTER_OTLP_(TRACES_)?ENDPOINT$/.test(name));
  return {
    OTEL_SERVICE_NAME: 'gateway',
    ...(hasEndpoint ? {} : { OTEL_TRACES_EXPORTER: 'none' }),
    LIVESPAN_URL: url,
    ...(token && { LIVESPAN_TOKEN: token }),
    UPSTREAM_URL: upstreamUrl,
  };
}

/** Runs one of the examples as a process of its own, as a user would. @returns the URL that it prints */
async function startExample(file: string, env: NodeJS.ProcessEnv, children: ChildProcess[]): Promise<string> {
  const path = fileURLToPath(new URL(file, EXAMPLES));
  if (!existsSync(path)) throw new LivespanError('not_found', `the example is not installed: ${path}`);
  const child = spawn(process.execPath, [path], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...environment(), ...env, PORT: '0' },
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(CHILD_START_TIMEOUT_MS);
  try {
    const printed = once(lines, 'line', { signal });
    const ended = once(child, 'exit', { signal }).then(([code]) => {
      throw new LivespanError('internal', `${file} ended at once with exit code ${String(code)}`);
    });
    const [url] = (await Promise.race([printed, ended])) as [string];
    ended.catch(() => undefined);
    return url;
  } catch (thrown) {
    if (thrown instanceof LivespanError) throw thrown;
    throw new LivespanError('internal', `${file} did not start`, { cause: thrown });
  }
}

function unexpectedEnd(child: ChildProcess): AbortSignal {
  const controller = new AbortController();
  child.once('exit', (code, signal) => {
    const what = signal ?? `exit code ${code}`;
    controller.abort(new LivespanError('internal', `a part of the demo has ended (${what})`));
  });
  return controller.signal;
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([ended, sleep(CHILD_END_TIMEOUT_MS, undefined, { ref: false })]);
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}

function readRate(text: string | true | undefined): number {
  if (text === undefined) return RATE_DEFAULT;
  const rate = typeof text === 'string' && /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (rate >= 0.1 && rate <= 100) return rate;
  throw usageError('--requests-per-second: expected a number from 0.1 to 100');
}

function readTime(text: string | true | undefined): number | undefined {
  if (typeof text !== 'string') return undefined;
  const row = { type: 'ms', min: 1, max: 86_400_000, scope: [], doc: '' } as const;
  return Number(parse(row, text, '--exit-after'));
}
