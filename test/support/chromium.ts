import { execFileSync, spawnSync } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MISSING =
  'The browser tests need Chromium: install it with your package manager (Debian: sudo apt-get install chromium), then run npm test again.';

/**
 * The Chromium of this machine; Debian's is installed where that may be done.
 * @returns its path, or `undefined` (with a printed reason) outside of CI
 * @throws Error with one sentence that says what to install, in CI
 */
export function provideChromium(say: (line: string) => void = console.log): string | undefined {
  const found = onPath() ?? install(say);
  if (found !== undefined) return found;
  if ((process.env.CI ?? '') !== '') throw new Error(MISSING);
  say(`skipped: ${MISSING}`);
  return undefined;
}

export function launchChromium(executablePath: string, further: readonly string[] = []): Promise<Browser> {
  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];
  return chromium.launch({
    executablePath,
    args: [...args, ...further],
  });
}

function onPath(): string | undefined {
  for (const name of NAMES) {
    const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return undefined;
}

function install(say: (line: string) => void): string | undefined {
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (prefix.length > 0 && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) return undefined;
  say('chromium is not on PATH: installing it with apt-get …');
  try {
    for (const step of [
      ['update', '-q'],
      ['install', '-y', '-q', '--no-install-recommends', 'chromium'],
    ]) {
      const [program = 'apt-get', ...rest] = [...prefix, 'apt-get', ...step];
      execFileSync(program, rest, {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    }
  } catch (error) {
    say(`apt-get could not install it: ${error instanceof Error ? error.message : String(error)}`);
  }
  return onPath();
}
