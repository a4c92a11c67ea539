import { spawnSync } from 'node:child_process';

/** The version of `docker compose` on this machine; undefined where there is none. It takes no running Docker. */
export function dockerComposeVersion(): string | undefined {
  const asked = spawnSync('docker', ['compose', 'version', '--short'], { encoding: 'utf8', timeout: 20_000 });
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}
