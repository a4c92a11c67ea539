import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const empty = mkdtempSync(join(tmpdir(), 'livespan-no-peers-'));
const PEERS = fileURLToPath(new URL('peers.ts', import.meta.url));
afterAll(() => rmSync(empty, { recursive: true, force: true }));

describe('npm run peers', () => {
  it('says in one sentence what is missing, and ends, where there is neither Go nor Docker', () => {
    const { status, stderr, signal } = spawnSync(process.execPath, [PEERS], {
      env: { PATH: empty, HOME: empty, XDG_CACHE_HOME: empty },
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, signal }).toEqual({ status: 1, signal: null });
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(
        /^OpenTelemetry Collector \S+ is not in .+: it takes Go 1\.25 or newer .+, or a running Docker on Linux\.$/,
      ),
    ]);
  }, 30_000);
});
