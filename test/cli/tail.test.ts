import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis, uniqueFeed } from '../support/redis.ts';
import { endAll, ingest, runCli, startCli, startServe } from './cli-process.ts';

afterEach(endAll);

describe('tail', () => {
  it('shows what is there and what comes, filtered, until Ctrl-C', async () => {
    const { url } = await startServe();
    await ingest(url, ['early.one', 'early.two', 'other']);
    const cli = startCli(['tail', 'name:early.*,late', '-name:*.two', '--since', '0-0', '--url', url]);
    await cli.says(/early\.one/);
    await ingest(url, ['late', 'other']);
    await cli.says(/late/);
    cli.child.kill('SIGINT');
    const end = await cli.ended;
    expect(end).toMatchObject({ code: 130, signal: null, stderr: '' });
    expect(end.stdout.trimEnd().split('\n')).toEqual([
      '00:22:37.123  INFO   test  early.one',
      '00:22:37.123  INFO   test  late',
    ]);
  });

  it('gives JSON with the cursor first, and ends after --count', async () => {
    const { url } = await startServe();
    await ingest(url, ['a', 'b', 'c']);
    const end = await runCli(['tail', '--json', '--count', '2', '--since', '0-0'], { LIVESPAN_URL: url });
    const lines = end.stdout.trimEnd().split('\n');
    expect(end.code).toBe(0);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^\{"cursor":"\d+-1","id":"/);
    expect(lines.map((line) => JSON.parse(line).name)).toEqual(['a', 'b']);
  });

  it('comes back by itself, and says that it waits and what became of the log', async () => {
    const first = await startServe();
    const port = new URL(first.url).port;
    await ingest(first.url, ['before']);
    const cli = startCli(['tail', '--since', '0-0', '--url', first.url]);
    await cli.says(/before/);
    first.cli.child.kill('SIGTERM');
    await first.cli.ended;
    await cli.says(/waiting: http:\/\/127\.0\.0\.1:\d+: .*; trying again/, 'stderr');
    const second = startCli(['serve', '--port', port, '--no-otlp']);
    await second.says(/listening/);
    await ingest(first.url, ['after']);
    await cli.says(/--- reset[\s\S]*after/);
  });

  it('says a gap', async () => {
    const { url } = await startServe(['--log-count-max', '100', '--ring-count-max', '128']);
    await ingest(url, ['first']);
    const { items } = (await (await fetch(`${url}/activity`)).json()) as { items: { cursor: string }[] };
    await ingest(url, Array<string>(500).fill('next'));
    const cli = startCli(['tail', '--since', items[0]?.cursor ?? '', '--url', url]);
    await cli.says(/--- gap: \d+ entries/);
  });

  it('ends quietly when nobody reads it any more', async () => {
    const { url } = await startServe();
    await ingest(url, ['a']);
    const cli = startCli(['tail', '--since', '0-0', '--url', url]);
    await cli.says(/a\n/);
    cli.child.stdout?.destroy();
    const ended = once(cli.child, 'exit');
    for (let count = 0; count < 50 && cli.child.exitCode === null; count += 1) {
      await ingest(url, ['more']);
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
    expect(await cli.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  it('reads Redis itself', async () => {
    const redis = await startRedis();
    try {
      const feed = uniqueFeed();
      const { url } = await startServe(['--url', redis.url, '--feed', feed]);
      await ingest(url, ['in.redis']);
      const end = await runCli(['tail', '--since', '0-0', '--count', '1', '--url', redis.url, '--feed', feed]);
      expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('in.redis') });
    } finally {
      await redis.stop();
    }
  });

  it('waits for a Redis that is away, and says so without the password', async () => {
    const cli = startCli(['tail', '--url', 'redis://:hunter2@127.0.0.1:2']);
    await cli.says(/waiting: redis:\/\/127\.0\.0\.1:2: .*; trying again/, 'stderr');
    cli.child.kill('SIGINT');
    const end = await cli.ended;
    expect(end.code).toBe(130);
    expect(end.stderr).not.toContain('hunter2');
  });

  it('says what is wrong with an address that is not a server', async () => {
    const cli = startCli(['tail', '--url', 'http://127.0.0.1:2']);
    await cli.says(
      /waiting: http:\/\/127\.0\.0\.1:2: nothing listens at 127\.0\.0\.1:2 \(connection refused\); trying/,
      'stderr',
    );
    cli.child.kill('SIGINT');
    const end = await cli.ended;
    expect(end).toMatchObject({ code: 130, stderr: expect.not.stringContaining('LIVESPAN_FEED') });
  });

  it('refuses wrong use before it asks anybody', async () => {
    const wrong: [string[], RegExp][] = [
      [['--since', 'yesterday'], /--since: expected a duration/],
      [['--url', 'memory:'], /memory: is the log of one process/],
      [['--url', 'ftp://x'], /ftp|redis/],
    ];
    const ends = await Promise.all(wrong.map(([args]) => runCli(['tail', ...args])));
    for (const [index, end] of ends.entries()) {
      expect(end).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(wrong[index]?.[1] ?? '') });
    }
  });

  it('does not go on where the server refuses', async () => {
    const { url } = await startServe([], { LIVESPAN_TOKEN: 'correct-horse' });
    const end = await runCli(['tail', '--url', url]);
    expect(end).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/token/i) });
  });
});
