import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { envName, OPTIONS, type OptionName } from '../../src/config.ts';
import { endAll, runCli, startServe } from './cli-process.ts';

afterEach(endAll);

describe('the command', () => {
  it('helps', async () => {
    const [overall, one, bare] = await Promise.all([runCli(['--help']), runCli(['serve', '--help']), runCli([])]);
    expect(overall.code).toBe(0);
    for (const name of ['serve', 'tail', 'dev', 'demo', 'doctor', 'start', 'stop', 'status', 'stats']) {
      expect(overall.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    expect(one.code).toBe(0);
    expect(one.stdout).toContain('Examples');
    for (const name of Object.keys(OPTIONS) as OptionName[]) {
      if (OPTIONS[name].scope.includes('server')) expect(one.stdout).toContain(`[${envName(name)}`);
    }
    expect(bare).toMatchObject({ code: 2, stdout: overall.stdout });
  });

  it('says its version, and what it does not know', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    const [asked, typo, flag, filter] = await Promise.all([
      runCli(['--version']),
      runCli(['srve']),
      runCli(['tail', '--jsno']),
      runCli(['tail', 'service:a', 'colour:red']),
    ]);
    expect(asked).toMatchObject({ code: 0, stdout: `${version}\n` });
    expect(typo).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('did you mean serve?') });
    expect(flag).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean --json?') });
    expect(filter).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/filter, column 11: unknown field "colour"/),
    });
  });

  it('refuses a password in the address of a server, and never repeats it', async () => {
    const url = 'http://user:hunter2@127.0.0.1:9';
    const ends = await Promise.all([
      runCli(['stats', '--url', url]),
      runCli(['tail', '--url', url]),
      runCli(['doctor', '--url', url]),
    ]);
    for (const end of ends) {
      expect(end.code).not.toBe(0);
      expect(end.stdout + end.stderr).toContain('takes no user and password but a token');
      expect(end.stdout + end.stderr).not.toContain('hunter2');
    }
  });

  it('tells a token that is wrong from one that is missing', async () => {
    const { url } = await startServe([], { LIVESPAN_TOKEN: 'sesame-street' });
    const [stats, tail, none, noneTail] = await Promise.all([
      runCli(['stats', '--url', url, '--token', 'open-sesame']),
      runCli(['tail', '--url', url, '--token', 'open-sesame']),
      runCli(['stats', '--url', url]),
      runCli(['tail', '--url', url]),
    ]);
    for (const end of [stats, tail]) {
      expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('does not take this token') });
    }
    for (const end of [none, noneTail]) {
      expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('asks for a token: --token') });
    }
  });

  it('names the variable that is wrong, and keeps colours for terminals', async () => {
    const [wrong, forced] = await Promise.all([
      runCli(['serve'], { LIVESPAN_PORT: 'eighty' }),
      runCli(['srve'], { FORCE_COLOR: '1' }),
    ]);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: 'livespan: LIVESPAN_PORT: "eighty" is not a whole number from 0 to 65535\n',
    });
    expect(forced.stderr).toContain('\u001b[');
  });
});
