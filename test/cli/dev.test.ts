import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { endAll, runCli, startCli } from './cli-process.ts';

/** An application without a line of livespan: it serves one request, and prints what its server then knows of it. */
const APP = `
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
const server = createServer((request, response) => response.end('hello')).listen(0, '127.0.0.1', async () => {
  await (await fetch('http://127.0.0.1:' + server.address().port + '/hello')).text();
  for (let names = [], n = 0; n < 200; n += 1, await sleep(50)) {
    const page = await (await fetch(process.env.LIVESPAN_URL + '/activity?filter=kind:span.end&limit=200')).json();
    names = page.items.map((item) => item.attributes['url.path'] ?? item.attributes['http.target'] ?? item.attributes['url.full'] ?? '');
    if (names.some((name) => name.includes('/hello'))) {
      console.log('seen');
      process.exit(7);
    }
  }
  process.exit(1);
});
`;
const SIGNALS = `
process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(5); });
process.on('SIGINT', () => console.log('got SIGINT'));
setInterval(() => undefined, 1000);
console.log('ready', process.argv.slice(2).join(' '));
`;

let folder = '';
beforeAll(async () => {
  // A space and signs that a shell or NODE_OPTIONS would stumble over.
  folder = await mkdtemp(join(tmpdir(), "livespan dev's-"));
  await writeFile(join(folder, 'app.mjs'), APP);
  await writeFile(join(folder, 'signals.mjs'), SIGNALS);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(endAll);

const dev = (...command: string[]): string[] => ['dev', '--port', '0', '--no-otlp', '--', ...command];

describe('dev', () => {
  it("traces an application that knows nothing of it, and keeps the application's exit code", async () => {
    const end = await runCli(dev(process.execPath, join(folder, 'app.mjs')));
    expect(end.stderr).toMatch(/livespan: live page at http:\/\/127\.0\.0\.1:\d+/);
    expect(end).toMatchObject({ code: 7, signal: null, stdout: 'seen\n' });
  });

  it('passes signals on, and its arguments as they are', async () => {
    const cli = startCli(dev(process.execPath, join(folder, 'signals.mjs'), '--port', 'a b', '--help'));
    await cli.says(/ready --port a b --help/);
    cli.child.kill('SIGINT');
    await cli.says(/got SIGINT/);
    cli.child.kill('SIGTERM');
    expect(await cli.ended).toMatchObject({ code: 5, signal: null, stdout: expect.stringContaining('got SIGTERM') });
  });

  it('ends by the signal that its command has ended by', async () => {
    const end = await runCli(dev(process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'));
    expect(end).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  it('says what it cannot do', async () => {
    const [nothing, unknown] = await Promise.all([runCli(['dev', '--port', '0']), runCli(dev('no-such-command'))]);
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('livespan dev -- node app.js') });
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"no-such-command": there is no such command'),
    });
  });
});
