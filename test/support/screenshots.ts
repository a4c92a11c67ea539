import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { buildMonitor, countsOf } from '../monitor/browser/open-page.ts';
import { launchChromium, provideChromium } from './chromium.ts';

/** Writes `docs/images/*.png`: the main views over a real run of `livespan demo`. */
const ROOT = join(import.meta.dirname, '../..');
const IMAGES = join(ROOT, 'docs/images');
const BYTES_MAX = 250_000;
const ROWS_MIN = 60;

const DESKTOP = { width: 1_200, height: 620 };
const SHOTS: readonly {
  name: string;
  view: string;
  /** What has to be on the page. */
  with?: string;
  choose?: string;
  colorScheme?: 'dark';
  viewport?: typeof DESKTOP;
}[] = [
  { name: 'live', view: 'live', with: '.row-running' },
  { name: 'live-dark', view: 'live', choose: '.row-error', colorScheme: 'dark' },
  { name: 'trace', view: 'traces', choose: '.cards button:has-text("3 spans")' },
  { name: 'call', view: 'calls', choose: '.cards button:has-text("slow"):has(.glyph-ok)' },
  { name: 'services', view: 'services' },
  { name: 'health', view: 'health' },
  { name: 'phone', view: 'live', with: '.row-running', viewport: { width: 360, height: 740 } },
];

const program = provideChromium(() => undefined);
if (program === undefined) throw new Error('The screenshots need Chromium on PATH');
await buildMonitor();
mkdirSync(IMAGES, { recursive: true });

const ports = ['--port', '0', '--otlp-grpc-port', '0', '--otlp-http-port', '0'];
const demo = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), 'demo', ...ports, '--requests-per-second', '3'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const exited = once(demo, 'exit');
const browser = await launchChromium(program);
try {
  let output = '';
  demo.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  while (!output.includes('curl -N') && demo.exitCode === null) await sleep(50);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
  if (url === undefined) throw new Error(`The demo did not print its address:\n${output}`);
  for (const { name, view, with: wanted, choose, colorScheme = 'light', viewport = DESKTOP } of SHOTS) {
    const page = await browser.newPage({ viewport, colorScheme, reducedMotion: 'reduce' });
    await page.goto(`${url}/monitor/${view}`);
    await fill(page);
    if (wanted !== undefined) await page.locator(wanted).nth(1).waitFor();
    if (choose !== undefined) {
      await page.locator(choose).first().click();
      await page.locator('.step, .waterfall-bar').first().waitFor();
    }
    const path = join(IMAGES, `${name}.png`);
    await page.screenshot({ path, animations: 'disabled' });
    await page.close();
    const { size } = statSync(path);
    console.log(`docs/images/${name}.png ${Math.round(size / 1_000)} kB`);
    if (size > BYTES_MAX) throw new Error(`${name}.png is larger than ${BYTES_MAX} bytes`);
  }
} finally {
  await browser.close();
  demo.kill('SIGINT');
  await exited;
}

/** Until enough has happened that figures and lists say something, and the parts that wait for an idle page are there. */
async function fill(page: Page): Promise<void> {
  while ((await countsOf(page)).rows < ROWS_MIN) await sleep(100);
  await page.locator('.sparkline, .filter-choices').first().waitFor({ state: 'attached' });
  await page.locator('.figures b', { hasText: /[1-9]/ }).first().waitFor();
  await sleep(1_000);
}
