import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../../peers/support/program.ts';
import { startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { startGate } from './gate.ts';
import { eventually, shareBrowser } from './open-page.ts';

const browser = shareBrowser();
const ROOT = join(import.meta.dirname, '../../..');
const TOKEN = 'a-long-secret';
const BASE = '/tools/live';

/** A folder with an application of one line, and this package in place of what `npm install livespan` brings. */
function createApplication(): string {
  const folder = mkdtempSync(join(tmpdir(), 'livespan-first-run-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const installed = join(folder, 'node_modules/livespan');
  mkdirSync(installed, { recursive: true });
  symlinkSync(join(ROOT, 'src'), join(installed, 'src'));
  writeFileSync(
    join(installed, 'package.json'),
    JSON.stringify({ name: 'livespan', type: 'module', exports: { './register': './src/register.ts' } }),
  );
  writeFileSync(
    join(folder, 'app.js'),
    `require('node:http').createServer((_, response) => response.end('ok')).listen(Number(process.env.PORT), '127.0.0.1');`,
  );
  return folder;
}

/** As somebody runs a pasted line, who has the token in the shell but has not exported it. */
function runLine(line: string, cwd: string, port: number): ChildProcess {
  const child = spawn('sh', ['-c', `LIVESPAN_TOKEN=${TOKEN}\n${line}`], {
    cwd,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, PORT: String(port), OTEL_TRACES_EXPORTER: 'none' },
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await ended;
  });
  return child;
}

async function copied(page: Page, button: string): Promise<string> {
  await page.getByRole('button', { name: button, exact: true }).click();
  await page.getByRole('button', { name: 'copied' }).waitFor();
  return page.evaluate('navigator.clipboard.readText()');
}

async function openWithClipboard(url: string): Promise<{ page: Page; context: BrowserContext }> {
  const context = await browser.openContext();
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(url).origin });
  const page = await context.newPage();
  await page.goto(`${url}/monitor/live`);
  return { page, context };
}

describe.skipIf(browser.isMissing)('the first run', () => {
  it.each([
    { where: 'of a server that is open', token: undefined, isBelow: false },
    { where: 'of a server with a token', token: TOKEN, isBelow: false },
    { where: 'of a server below a path', token: undefined, isBelow: true },
  ])('$where: three lines that bring the first row, and a curl that gets it', async ({ token, isBelow }) => {
    const log = await startLog(token === undefined ? {} : { token });
    const url = isBelow ? (await startGate(log.url, undefined, BASE)).url : log.url;
    const { page } = await openWithClipboard(url);
    if (token !== undefined) {
      await page.getByLabel('Token').fill(token);
      await page.keyboard.press('Enter');
    }
    await page.getByText('No activity yet. Run this:').waitFor();
    if (token !== undefined) await page.getByText('is the token that you signed in with').waitFor();
    const lines = (await copied(page, 'copy')).split('\n');
    expect(lines).toHaveLength(3);
    const [install, start = '', call = ''] = lines;
    expect(install).toBe('npm install livespan');
    const [port = 0] = await freePorts(1);
    runLine(start, createApplication(), port);
    // The line asks an application on the usual port.
    expect(call).toContain('localhost:3000/');
    const isAnswered = async (): Promise<boolean> => {
      const asking = spawn('sh', ['-c', call.replace('localhost:3000', `127.0.0.1:${port}`)], { stdio: 'ignore' });
      const [code] = await once(asking, 'exit');
      return code === 0;
    };
    await eventually(isAnswered, 'the application listens');
    const row = page.locator('.row', { hasText: 'GET' });
    await row.first().waitFor();

    await log.append(activity('event', 0, { name: 'known', traceId: TRACE, spanId: spanId(1) }));
    await page.locator('.row', { hasText: 'known' }).click();
    const curl = await copied(page, 'copy curl');
    const asked = spawn('sh', ['-c', `LIVESPAN_TOKEN=${TOKEN}\n${curl}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    let answer = '';
    for await (const part of asked.stdout) answer += part;
    expect(answer).toContain('"known"');
  });
});
