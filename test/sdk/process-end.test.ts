import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBus } from '../../src/bus/open-bus.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { startIngestServer } from './support/ingest-server.ts';
import { readAll, uniqueFeed } from './support/reading.ts';

const APP = fileURLToPath(new URL('./support/ending-app.ts', import.meta.url));
const NOBODY = 'http://127.0.0.1:9';

interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs it to its end; sends the signal as soon as it is ready. */
async function run(way: string, env: Record<string, string>, signal?: NodeJS.Signals): Promise<End> {
  const child = spawn(process.execPath, [APP, way], {
    // The default of 2 s is short for a machine that runs other tests beside this one.
    env: { PATH: process.env.PATH ?? '', LIVESPAN_CLOSE_TIMEOUT_MS: '20s', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout === '' && signal !== undefined) child.kill(signal);
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal: endedBy, stdout, stderr: stderr.replaceAll(String(child.pid), 'PID') };
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function namesOn(feed: string): Promise<string[]> {
  const bus = await openBus({ url: redis.url, feed });
  await bus.ready();
  const names = (await readAll(bus)).map(({ name }) => name);
  await bus.close();
  return names;
}

const STARTED = 'livespan.instance_started';
const STOPPED = 'livespan.instance_stopped';

describe('the end of a process stays as it is, and what was emitted is there', () => {
  const clean = [STARTED, 'app.last', STOPPED];
  test.each<[string, NodeJS.Signals | undefined, string[]]>([
    ['end', undefined, clean],
    ['wait', 'SIGTERM', clean],
    ['wait', 'SIGINT', clean],
    ['wait', 'SIGHUP', clean],
    ['own handler', 'SIGTERM', [STARTED, 'app.last', 'app.handled']],
    ['raised again', 'SIGTERM', [STARTED, 'app.last', 'app.handled', STOPPED]],
    ['throw', undefined, [STARTED, 'app.last']],
    ['reject', undefined, [STARTED, 'app.last']],
    ['reject 42', undefined, [STARTED, 'app.last']],
    ['throw, handled', undefined, [STARTED, 'app.last', 'app.handled']],
    ['beforeExit work', undefined, [STARTED, 'app.last', STOPPED, STARTED, 'app.more', STOPPED]],
    ['exit', undefined, []],
  ])('%s %s', async (way, signal, expected) => {
    const feed = uniqueFeed();
    const [without, with_] = await Promise.all([
      run(way, {}, signal),
      run(way, { LIVESPAN_URL: redis.url, LIVESPAN_FEED: feed }, signal),
    ]);
    expect(with_).toEqual(without);
    expect(await namesOn(feed)).toEqual(expected);
  });

  test('a library that ends the process only where nobody else listens still ends it', async () => {
    const end = await run('polite library', { LIVESPAN_URL: redis.url, LIVESPAN_FEED: uniqueFeed() }, 'SIGTERM');
    expect(end).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' });
  });
});

describe('with a livespan server', () => {
  test.each<[string, NodeJS.Signals | undefined]>([
    ['end', undefined],
    ['wait', 'SIGTERM'],
    ['throw', undefined],
  ])('%s %s', async (way, signal) => {
    const server = await startIngestServer();
    const [without, with_] = await Promise.all([run(way, {}, signal), run(way, { LIVESPAN_URL: server.url }, signal)]);
    expect(with_).toEqual(without);
    expect((await readAll(server.bus)).map(({ name }) => name)).toContain('app.last');
    await server.close();
  });
});

describe('with a log that is not there the end is the same, and the log is said once', () => {
  test.each<[string, NodeJS.Signals | undefined]>([
    ['end', undefined],
    ['exit', undefined],
    ['wait', 'SIGTERM'],
    ['throw', undefined],
  ])('%s %s', async (way, signal) => {
    const [without, with_] = await Promise.all([run(way, {}, signal), run(way, { LIVESPAN_URL: NOBODY }, signal)]);
    expect({ code: with_.code, signal: with_.signal }).toEqual({ code: without.code, signal: without.signal });
    if (way === 'end' || way === 'wait') {
      expect(with_.stderr.match(/LIVESPAN_LOG_UNREACHABLE/g)).toHaveLength(1);
      expect(with_.stderr).toContain('livespan cannot write to livespan server at http://127.0.0.1:9');
    } else {
      expect(with_.stderr).toBe(without.stderr);
    }
  });
});
