import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { daemonFiles, isRunning, readDaemon } from '../../src/cli/daemon.ts';
import { processBirth } from '../../src/cli/process-birth.ts';
import { endAll, ingest, runCli } from './cli-process.ts';

let folder = '';
let env: NodeJS.ProcessEnv = {};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'livespan-daemon-'));
  env = { LIVESPAN_STATE_DIR: folder };
});
afterEach(async () => {
  await endAll();
  const left = await readDaemon(daemonFiles({ own: { 'state-dir': folder } })).catch(() => undefined);
  if (left !== undefined && (await isRunning(left))) process.kill(left.pid, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const start = (...args: string[]) => runCli(['start', '--port', '0', '--no-otlp', '--json', ...args], env);
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('the server in the background', () => {
  it('starts once, says how it is, and stops', async () => {
    const started = await start();
    expect(started).toMatchObject({ code: 0, stderr: '' });
    const { url, pid, logFile } = JSON.parse(started.stdout);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    expect(isAlive(pid)).toBe(true);
    expect((await stat(join(folder, 'server.json'))).mode & 0o077).toBe(0);

    await ingest(url, ['one', 'two']);
    const [again, status, figures, json] = await Promise.all([
      start(),
      runCli(['status'], env),
      runCli(['stats'], env),
      runCli(['stats', '--json'], env),
    ]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining(`runs already: ${url} (pid ${pid})`) });
    expect(status).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`runs on ${url} .*\\(pid ${pid}\\) and is ready`)),
    });
    expect(figures).toMatchObject({ code: 0, stdout: expect.stringMatching(/^log\.length +2$/m) });
    expect(JSON.parse(json.stdout).log.length).toBe(2);

    const stopped = await runCli(['stop'], env);
    expect(stopped).toMatchObject({ code: 0, stdout: expect.stringContaining('has stopped') });
    expect(isAlive(pid)).toBe(false);
    expect(await readFile(logFile, 'utf8')).toMatch(/listening on [\s\S]*stopping/);
    expect(await runCli(['status', '--json'], env)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('"running":false'),
    });
    expect(await runCli(['stop'], env)).toMatchObject({ code: 0, stdout: expect.stringContaining('does not run') });
  });

  it('is found dead when it was killed, and starts anew', async () => {
    const { pid } = JSON.parse((await start()).stdout);
    process.kill(pid, 'SIGKILL');
    while (isAlive(pid)) await sleep(20);
    expect(await runCli(['status'], env)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('ended without livespan stop'),
    });
    const again = await start();
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout).pid).not.toBe(pid);
  });

  it('is not taken for another process that got its pid', async () => {
    const state = {
      pid: process.pid,
      birth: 'long ago',
      url: 'http://127.0.0.1:1',
      startedAt: '2026-01-01T00:00:00.000Z',
    };
    await writeFile(join(folder, 'server.json'), JSON.stringify(state));
    expect(await processBirth(process.pid)).not.toBe(state.birth);
    expect(await runCli(['status'], env)).toMatchObject({ code: 1, stdout: expect.stringContaining('not running') });
    // It would be this test that is stopped.
    expect(await runCli(['stop'], env)).toMatchObject({ code: 0, stdout: expect.stringContaining('had ended before') });
  });

  it('says why it could not start', async () => {
    const end = await start('--url', 'http://127.0.0.1:1');
    expect(end).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('not in another server') });
    expect(await runCli(['status'], env)).toMatchObject({ code: 1 });
  });

  it('refuses to guess from a damaged state file', async () => {
    await writeFile(join(folder, 'server.json'), '{"pid":');
    expect(await runCli(['status'], env)).toMatchObject({ code: 1, stderr: expect.stringContaining('is damaged') });
    await rm(join(folder, 'server.json'));
  });
});

it('stats says when nothing is there', async () => {
  expect(await runCli(['stats', '--url', 'http://127.0.0.1:1'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/./),
  });
});
