import { afterEach, expect, it } from 'vitest';
import { createChatClient, driveTraffic } from '../../src/cli/demo-traffic.ts';
import { endAll, runCli, startCli } from './cli-process.ts';

afterEach(endAll);

interface Item {
  kind: string;
  name: string;
  callId?: string;
  service?: string;
}

it('shows a real gateway at work, and ends on Ctrl-C with 130', async () => {
  const cli = startCli(['demo', '--port', '0', '--no-otlp', '--requests-per-second', '10']);
  const [, url] = await cli.says(/live page +(http:\/\/\S+?)\//);
  await cli.says(/trace backend +--trace-url 'http:\S+\{traceId\}' puts "Open in Jaeger" on the page/);
  await cli.says(/requests by the openai client/);
  const wanted = [
    'gateway.request_received',
    'gateway.request_sent',
    'gateway.response_received',
    'gateway.response_sent',
  ];
  const stream = await fetch(`${url}/activity/stream?format=ndjson&since=1h`);
  let text = '';
  for await (const part of (stream.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += part;
    if (
      wanted.every((name) => text.includes(`"${name}"`)) &&
      text.includes('"span.start"') &&
      text.includes('chat.retried')
    )
      break;
  }
  const items = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Item);
  const first = items.filter(({ callId }) => callId === 'demo-1').map(({ name }) => name);
  expect(first).toEqual(expect.arrayContaining(['gateway.request_received', 'gateway.request_sent']));
  expect(new Set(items.filter(({ kind }) => kind === 'event').map(({ service }) => service))).toEqual(
    new Set(['gateway']),
  );
  await cli.says(/request \d+ {2}\S+.*: \d+ pieces? in \d+ ms/);
  cli.child.kill('SIGINT');
  const end = await cli.ended;
  expect(end).toMatchObject({ code: 130, signal: null });
  expect(end.stdout).toMatch(/\d+ requests: \d+ answered/);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

it('ends by itself when asked to, and takes no nonsense', async () => {
  const [short, rate, time] = await Promise.all([
    runCli(['demo', '--port', '0', '--no-otlp', '--exit-after', '1s']),
    runCli(['demo', '--requests-per-second', '1000']),
    runCli(['demo', '--exit-after', 'soon']),
  ]);
  expect(short).toMatchObject({ code: 0, signal: null });
  expect(rate).toMatchObject({ code: 2, stderr: expect.stringContaining('0.1 to 100') });
  expect(time).toMatchObject({ code: 2, stderr: expect.stringContaining('--exit-after: "soon"') });
});

it('keeps to its rate, and counts what failed', async () => {
  const models: string[] = [];
  const ended = new AbortController();
  const client = {
    description: 'a test',
    async ask({ model, callId }: { model: string; callId: string }) {
      models.push(model);
      if (callId === 'demo-16') ended.abort();
      if (model === 'broken') throw new Error('cut');
      return 1;
    },
  };
  const startMs = performance.now();
  const totals = await driveTraffic({ client, rate: 50, signal: ended.signal, say: () => undefined });
  expect(performance.now() - startMs).toBeGreaterThan((15 * 1_000) / 50 - 20);
  expect(totals).toEqual({ sent: 16, answered: 14, failed: 2 });
  expect(models.slice(0, 8)).toEqual(models.slice(8));
});

it('takes the real openai client where it is installed', async () => {
  expect((await createChatClient('http://127.0.0.1:1')).description).toBe('the openai client');
});
