import { execFileSync, spawnSync } from 'node:child_process';

/** Where tests get their real redis-server from, in the order in which it is tried. */
export type RedisProgram = { from: 'path'; version: string } | { from: 'docker'; image: string };

const IMAGE = 'redis:7.4.2';

/** How the common package managers install it; each only where it may (root, or sudo that does not ask). */
const INSTALLERS: readonly { manager: string; asRoot: boolean; steps: readonly (readonly string[])[] }[] = [
  {
    manager: 'apt-get',
    asRoot: true,
    steps: [
      ['update', '-q'],
      ['install', '-y', '-q', 'redis-server', 'redis-tools'],
    ],
  },
  { manager: 'dnf', asRoot: true, steps: [['install', '-y', 'redis']] },
  { manager: 'apk', asRoot: true, steps: [['add', '--no-cache', 'redis']] },
  { manager: 'pacman', asRoot: true, steps: [['-Sy', '--noconfirm', 'redis']] },
  { manager: 'brew', asRoot: false, steps: [['install', 'redis']] },
];

/**
 * Finds a redis-server, or brings one: PATH, the system's package manager, Docker.
 * @throws Error with one sentence that says what to install
 */
export function provideRedis(say: (line: string) => void): RedisProgram {
  const version = versionOnPath();
  if (version !== undefined) return { from: 'path', version };
  const installed = install(say);
  if (installed !== undefined) return { from: 'path', version: installed };
  if (succeeds('docker', ['info'])) return { from: 'docker', image: IMAGE };
  throw new Error(
    'The tests need a real redis-server (6.2 or newer): install it with your package manager (Debian and Ubuntu: sudo apt-get install redis-server) or start Docker, then run npm test again.',
  );
}

function versionOnPath(): string | undefined {
  const found = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  const cli = spawnSync('redis-cli', ['--version'], { encoding: 'utf8' });
  return found.status === 0 && cli.status === 0 ? /v=([\d.]+)/.exec(found.stdout)?.[1] : undefined;
}

function install(say: (line: string) => void): string | undefined {
  const isRoot = process.getuid?.() === 0;
  for (const { manager, asRoot, steps } of INSTALLERS) {
    if (!succeeds(manager, ['--version'])) continue;
    const prefix = !asRoot || isRoot ? [] : ['sudo', '-n'];
    if (prefix.length > 0 && !succeeds('sudo', ['-n', 'true'])) continue;
    say(`redis-server is not on PATH: installing it with ${manager} …`);
    try {
      for (const step of steps) {
        const [program = manager, ...rest] = [...prefix, manager, ...step];
        execFileSync(program, rest, {
          stdio: ['ignore', 'ignore', 'inherit'],
          env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
        });
      }
    } catch (error) {
      say(`${manager} could not install it: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    const version = versionOnPath();
    if (version !== undefined) return version;
  }
  return undefined;
}

function succeeds(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}
