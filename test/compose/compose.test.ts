import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { against, peerPath, whyNot } from '../peers/at-hand.ts';
import { configPath } from '../peers/support/collector.ts';
import { ROOT, readComposeFile, type Service } from './compose-file.ts';

const PROMTOOL = 'promtool';
const { services, volumes, secrets } = readComposeFile();
const entries = Object.entries(services);
const temporary = mkdtempSync(join(tmpdir(), 'livespan-compose-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** What a program that checks a configuration says; empty when it accepts. */
function complaints(program: string, args: readonly string[], env: Record<string, string> = {}): string {
  const result = spawnSync(program, args, { cwd: ROOT, env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' });
  return result.status === 0 ? '' : `${result.error?.message ?? ''}${result.stdout}${result.stderr}`;
}

describe('docker-compose.yml', () => {
  it.skipIf(whyNot('compose'))(`is accepted by the parser, ${against('compose')}`, () => {
    expect(complaints(peerPath('compose'), ['-no-interpolation', 'docker-compose.yml'])).toBe('');
    const bad = join(temporary, 'bad.yml');
    writeFileSync(bad, 'services:\n  one:\n    image: redis:7\n    portz: []\n');
    expect(complaints(peerPath('compose'), [bad])).toMatch(/portz/);
  });

  it('names a version of every image, and builds ours for the version of the package', () => {
    const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
    for (const [name, { image, build }] of entries) {
      expect(image, name).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z0-9.]+)?$/);
      if (build !== undefined) expect(image).toMatch(new RegExp(`:${version.replaceAll('.', '\\.')}$`));
    }
  });

  it('publishes loopback ports only, each once', () => {
    const ports = entries.flatMap(([, { ports = [] }]) => ports);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(new Set(ports).size).toBe(ports.length);
    expect(ports).toEqual(
      expect.arrayContaining(['127.0.0.1:4319:4319', '127.0.0.1:4317:4317', '127.0.0.1:3000:3000']),
    );
  });

  it('mounts files that exist, and volumes that it declares', () => {
    const mounts = entries.flatMap(([, service]) => service.volumes ?? []).map((mount) => mount.split(':')[0] ?? '');
    const files = mounts.filter((source) => source.startsWith('.'));
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) expect(existsSync(join(ROOT, file)), file).toBe(true);
    const named = mounts.filter((source) => !source.startsWith('.'));
    expect(named.sort()).toEqual(Object.keys(volumes).sort());
  });

  it('waits for what can say that it is healthy, and only for services that start together', () => {
    const ownCheck = (service: Service | undefined): boolean =>
      service?.healthcheck !== undefined || service?.build !== undefined;
    for (const [name, { depends_on = {}, profiles = [] }] of entries) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(services[other], `${name} → ${other}`).toBeDefined();
        if (condition === 'service_healthy') expect(ownCheck(services[other]), `${name} → ${other}`).toBe(true);
        if (profiles.length === 0) expect(services[other]?.profiles, `${name} → ${other}`).toBeUndefined();
      }
    }
    expect(services.livespan?.depends_on).toEqual({ redis: { condition: 'service_healthy' } });
    expect(services.grafana?.depends_on?.['pipeline-health']).toEqual({ condition: 'service_healthy' });
    expect(services.gateway?.profiles).toEqual(['gateway']);
  });

  it('gives the token of .env to server, Collector, Prometheus and gateway, and to nobody a token of its own', () => {
    for (const name of ['livespan', 'collector', 'gateway']) {
      expect(services[name]?.environment?.LIVESPAN_TOKEN, name).toMatch(/^\$\{LIVESPAN_TOKEN:\?.+\}$/);
    }
    expect(secrets.livespan_token).toEqual({ environment: 'LIVESPAN_TOKEN' });
    expect(services.prometheus?.secrets).toEqual(['livespan_token']);
    expect(readFileSync(`${ROOT}compose/prometheus.yml`, 'utf8')).toContain(
      'credentials_file: /run/secrets/livespan_token',
    );
  });

  it('keeps Redis from losing what it acknowledged', () => {
    const text = JSON.stringify(services.redis);
    expect(text).toContain('"--appendonly","yes"');
    expect(text).toContain('"--maxmemory-policy","noeviction"');
  });
});

describe('compose/token.sh', () => {
  it('puts a token into .env once, readable by its owner alone, and keeps what is there', () => {
    const folder = join(temporary, 'project');
    cpSync(join(ROOT, 'compose'), join(folder, 'compose'), { recursive: true });
    const run = (): string => execFileSync('sh', ['compose/token.sh'], { cwd: folder, encoding: 'utf8' });
    const env = join(folder, '.env');
    run();
    expect(readFileSync(env, 'utf8')).toMatch(/^LIVESPAN_TOKEN=[0-9a-f]{48}\n$/);
    expect(statSync(env).mode & 0o077).toBe(0);
    const first = readFileSync(env, 'utf8');
    expect(run()).toContain('already');
    expect(readFileSync(env, 'utf8')).toBe(first);
    writeFileSync(env, 'OTHER=kept');
    run();
    expect(readFileSync(env, 'utf8')).toMatch(/^OTHER=kept\nLIVESPAN_TOKEN=[0-9a-f]{48}\n$/);
  });
});

describe('configurations are accepted by the programs they are for', () => {
  it
    .skipIf(whyNot('collector'))
    .each([
      [['config.yaml']],
      [['config.yaml', 'persistent-queues.yaml']],
      [['gateway.yaml']],
      [['gateway.yaml', 'gateway-sampling.yaml']],
    ])(`%s, ${against('collector')}`, (names) => {
    const args = names.map((name) => `--config=${configPath(name)}`);
    expect(complaints(peerPath('collector'), ['validate', ...args])).toBe('');
  });

  it.skipIf(whyNot('tempo'))(`compose/tempo.yaml, ${against('tempo')}`, () => {
    const args = ['-config.file=compose/tempo.yaml', '-config.expand-env=true', '-config.verify=true'];
    expect(complaints(peerPath('tempo'), args)).toBe('');
  });

  const promtool = spawnSync(PROMTOOL, ['--version'], { encoding: 'utf8' });
  const version = /version (\S+)/.exec(promtool.stdout ?? '')?.[1];
  it.skipIf(version === undefined)(
    `compose/prometheus.yml, against ${version === undefined ? 'LEFT OUT: promtool is not on PATH' : `promtool ${version}`}`,
    () => {
      // promtool looks whether the secret is there; in the container it is.
      const secret = join(temporary, 'token');
      writeFileSync(secret, 'a-token-of-the-tests');
      const config = join(temporary, 'prometheus.yml');
      const text = readFileSync(`${ROOT}compose/prometheus.yml`, 'utf8');
      writeFileSync(config, text.replace('/run/secrets/livespan_token', secret));
      expect(complaints(PROMTOOL, ['check', 'config', config])).toBe('');
    },
  );

  it('Grafana: data sources that the dashboard names, files where the provider looks', () => {
    const yaml = (path: string): unknown => parse(readFileSync(`${ROOT}compose/grafana/provisioning/${path}`, 'utf8'));
    const { datasources } = yaml('datasources/datasources.yaml') as { datasources: { uid: string; url: string }[] };
    expect(datasources.map(({ uid }) => uid)).toEqual(['tempo', 'prometheus']);
    for (const { url } of datasources) expect(services[new URL(url).hostname], url).toBeDefined();
    const { providers } = yaml('dashboards/dashboards.yaml') as { providers: { options: { path: string } }[] };
    expect(services.grafana?.volumes).toContain(`./compose/grafana/dashboards:${providers[0]?.options.path}:ro`);
  });
});
