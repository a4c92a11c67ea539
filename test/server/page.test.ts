import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { request, serve } from './http.ts';

describe('the live page', () => {
  it('is served at both addresses, with everything it needs from here', async () => {
    const { url } = await serve();
    for (const path of ['/', '/activity/monitor']) {
      const page = await request(url, `GET ${path}`);
      expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(page.headers['content-security-policy']).toContain(
        "script-src 'self'; style-src 'self'; connect-src 'self'",
      );
      expect(page.headers['content-security-policy']).not.toContain('unsafe');
      expect(page.headers['x-frame-options']).toBe('DENY');
      // No inline script, style or handler: the policy would stop it.
      expect(page.body).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=/i);
      const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
      expect(links.filter((link) => !link.startsWith('data:')).sort()).toEqual(['/page/live.css', '/page/live.js']);
    }
    expect((await request(url, 'GET /page/live.css')).headers['content-type']).toBe('text/css; charset=utf-8');
    expect((await request(url, 'GET /page/live.js')).headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  it('has a script that parses and never writes markup', async () => {
    const { url } = await serve();
    const { body } = await request(url, 'GET /page/live.js');
    expect(body).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
    const dir = await mkdtemp(join(tmpdir(), 'livespan-page-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const file = join(dir, 'live.mjs');
    await writeFile(file, body);
    await promisify(execFile)(process.execPath, ['--check', file]);
    for (const [, id] of body.matchAll(/\$\('([\w-]+)'\)/g)) {
      expect((await request(url, 'GET /')).body).toContain(`id="${id}"`);
    }
  });
});
