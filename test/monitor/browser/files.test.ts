import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { numbered, startLog } from '../feed/live.ts';
import { activity, spanId, TRACE } from '../frames.ts';
import { countsOf, eventually, exportOf, namesOf, openLive, shareBrowser } from './open-page.ts';

const browser = shareBrowser();

async function drop(page: Page, name: string, text: string): Promise<void> {
  const transfer = await page.evaluateHandle<object>(`(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}));
    return transfer;
  })()`);
  await page.dispatchEvent('.middle', 'dragover', { dataTransfer: transfer });
  await page.dispatchEvent('.middle', 'drop', { dataTransfer: transfer });
}

describe.skipIf(browser.isMissing)('files in a browser', () => {
  it('has all of the view in a file, which shows the same when it is dropped on another page', async () => {
    const log = await startLog();
    const ids = { traceId: TRACE, spanId: spanId(1), service: 'gateway' };
    await log.append(activity('span.start', 0, { ...ids, name: 'work' }));
    await log.append(activity('event', 5, { ...ids, name: 'step', attributes: { size: 3 } }));
    await log.append(activity('span.end', 10, { ...ids, name: 'work', status: 'ok', durationMs: 10 }));
    await log.appendNumbered(0, 300);
    const page = await openLive(await browser.openContext(), log.url);
    await eventually(async () => (await countsOf(page)).rows === 301, 'all rows');
    const { text, activities } = await exportOf(page);
    expect(activities.map(({ name }) => name)).toEqual(['work', 'step', 'work', ...numbered(0, 300)]);
    const served = await (await fetch(`${log.url}/activity?order=asc&limit=1000`)).json();
    expect(activities).toEqual((served as { items: unknown[] }).items);

    const elsewhere = await startLog();
    await elsewhere.append(activity('event', 0, { name: 'theirs' }));
    const other = await openLive(await browser.openContext(), elsewhere.url);
    await other.locator('.row', { hasText: 'theirs' }).waitFor();
    await drop(other, 'seen.ndjson', text);
    await other.getByText('Showing seen.ndjson, not the log.').waitFor();
    await other.getByText('seen.ndjson: 303 activities').waitFor();
    await eventually(async () => (await countsOf(other)).rows === 301, 'the rows of the file');
    expect((await namesOf(other)).slice(0, 20)).toEqual((await namesOf(page)).slice(0, 20));
    expect((await exportOf(other)).text).toBe(text);
    // What happens in the log is not mixed in.
    await elsewhere.append(activity('event', 0, { name: 'later' }));
    await other.locator('.row', { hasText: 'e299' }).click();
    await other.locator('.drawer h2', { hasText: 'e299' }).waitFor();
    expect((await countsOf(other)).rows).toBe(301);

    await other.getByRole('button', { name: 'back to live' }).click();
    await other.locator('.row', { hasText: 'later' }).waitFor();
    expect(await namesOf(other)).toEqual(['later', 'theirs']);
  });

  it('says in a sentence why a file cannot be shown, and how many of its lines could not be read', async () => {
    const log = await startLog();
    await log.appendNumbered(0, 2);
    const page = await openLive(await browser.openContext(), log.url);
    await page.locator('.row', { hasText: 'e1' }).waitFor();
    const { text } = await exportOf(page);
    for (const bad of ['', 'no JSON\nat all', '{"hello":"world"}\n', '[1,2,3]', '\0\u0001\u0002']) {
      await drop(page, 'bad.ndjson', bad);
      const alert = page.getByRole('alert').filter({ hasText: 'No line of this file is an activity.' });
      await alert.waitFor();
      expect(await alert.textContent()).toContain('Export a view, or use livespan tail --json.');
      expect(await namesOf(page)).toEqual(['e1', 'e0']);
      await alert.getByRole('button', { name: 'close' }).click();
      await alert.waitFor({ state: 'detached' });
    }
    expect(await page.locator('.badge-live').count()).toBe(1);

    const dir = mkdtempSync(join(tmpdir(), 'livespan-file-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 'half.ndjson');
    writeFileSync(path, `${text}half a li\n{"id":1}\n`);
    await page.getByLabel('File to show').setInputFiles(path);
    await page.getByText('2 of its lines could not be read.').waitFor();
    await eventually(async () => (await namesOf(page)).join() === 'e1,e0', 'the lines that can be read');
  });
});
