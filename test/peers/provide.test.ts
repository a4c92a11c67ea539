import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { findComposeParser } from '../compose/compose-parser.ts';
import { describePeers } from './at-hand.ts';
import { listPeers } from './catalogue.ts';

const empty = mkdtempSync(join(tmpdir(), 'livespan-no-peers-'));
const withDocker = mkdtempSync(join(tmpdir(), 'livespan-docker-'));
const PEERS = fileURLToPath(new URL('peers.ts', import.meta.url));
afterAll(() => {
  for (const folder of [empty, withDocker]) rmSync(folder, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

/** A program that does nothing but print a line. */
function writeProgram(path: string, line: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho '${line}'\n`, { mode: 0o755 });
}

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

  it('leaves the parser of compose files to docker compose where that is at hand and Go is not, and so do the tests', () => {
    vi.stubEnv('XDG_CACHE_HOME', withDocker);
    vi.stubEnv('PATH', withDocker);
    const others = listPeers().filter(({ name }) => name !== 'compose');
    for (const { path } of others) writeProgram(path, 'there already');
    expect(findComposeParser().parser).toBeUndefined();
    writeProgram(join(withDocker, 'docker'), '2.40.1');

    const { status, stdout } = spawnSync(process.execPath, [PEERS], { encoding: 'utf8', timeout: 20_000 });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^compose-go .+: left out, the tests ask docker compose 2\.40\.1 itself$/m);
    expect(describePeers()).toContain('compose: docker compose 2.40.1');
    const { parser, against } = findComposeParser();
    expect(against).toBe('against docker compose 2.40.1');
    expect(parser?.program).toBe('docker');
    expect(parser?.argsFor('docker-compose.yml').slice(0, 4)).toEqual([
      'compose',
      '-f',
      'docker-compose.yml',
      'config',
    ]);
  }, 30_000);
});
