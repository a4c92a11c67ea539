import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { endAll, runCli, startCli, startServe, takePort } from './cli-process.ts';

afterEach(endAll);

describe('serve', () => {
  it('prints one line when it listens, and ends on Ctrl-C with 130', async () => {
    const { cli, url } = await startServe();
    expect(cli.stdout()).toBe(`livespan is listening on ${url} (embedded log)\n`);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    cli.child.kill('SIGINT');
    const end = await cli.ended;
    expect(end).toMatchObject({ code: 130, signal: null });
    expect(end.stderr).toBe('livespan is stopping\n');
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  it('lets readers go and ends with 0 on SIGTERM', async () => {
    const { cli, url } = await startServe(['--heartbeat-ms', '60s']);
    const reader = request(`${url}/activity/stream`).end();
    const [response] = await once(reader, 'response');
    let text = '';
    response.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    const closed = once(response, 'close');
    await once(response, 'data');
    cli.child.kill('SIGTERM');
    await closed;
    expect(text).toMatch(/retry: \d+\n/);
    expect(await cli.ended).toMatchObject({ code: 0, signal: null });
  });

  it('says where it listens as JSON', async () => {
    const cli = startCli(['serve', '--port', '0', '--no-otlp', '--json']);
    const [line] = await cli.says(/\{.*\}\n/);
    expect(JSON.parse(line)).toEqual({ url: expect.stringMatching(/^http:/), pid: cli.child.pid });
  });

  it('does not take another port than the one that was asked for', async () => {
    const taken = await takePort();
    try {
      const end = await runCli(['serve', '--no-otlp', '--port', String(taken.port)]);
      expect(end).toMatchObject({ code: 1, stdout: '' });
      expect(end.stderr).toContain(`${taken.port} on 127.0.0.1 is in use`);
    } finally {
      await taken.release();
    }
  });

  it('names the flag of the door whose port is taken', async () => {
    const taken = await takePort();
    try {
      const end = await runCli(['serve', '--port', '0', '--otlp-http-port', String(taken.port)]);
      expect(end).toMatchObject({ code: 1, stdout: '' });
      expect(end.stderr).toContain(`otlpHttpPort: ${taken.port} is in use`);
      expect(end.stderr).toContain('; --otlp-http-port takes another port');
    } finally {
      await taken.release();
    }
  });

  it('is not open to other machines without a token', async () => {
    const [open, wrong] = await Promise.all([
      runCli(['serve', '--port', '0', '--host', '0.0.0.0']),
      runCli(['serve', '--port', '0', '--url', 'http://127.0.0.1:1']),
    ]);
    expect(open).toMatchObject({ code: 2, stderr: expect.stringContaining('LIVESPAN_TOKEN') });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('not in another server') });
  });

  it('mentions REDIS_URL, without what is in it', async () => {
    const { cli } = await startServe([], { REDIS_URL: 'redis://user:hunter2@127.0.0.1:1' });
    expect(cli.stderr()).toContain('REDIS_URL is set but not used');
    expect(cli.stderr()).not.toContain('hunter2');
  });

  it('starts while Redis is away, and says so without the password', async () => {
    const { cli, url } = await startServe([], { LIVESPAN_URL: 'redis://user:hunter2@127.0.0.1:1/0' });
    expect(cli.stdout()).toContain('(redis://127.0.0.1:1/0, feed livespan:activity)');
    expect((await fetch(`${url}/ready`)).status).toBe(503);
    expect(cli.stdout() + cli.stderr()).not.toContain('hunter2');
  });
});
