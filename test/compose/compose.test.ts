import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { against, peerPath, whyNot } from '../peers/at-hand.ts';
import { configPath } from '../peers/support/collector.ts';
import { startRedis } from '../support/redis.ts';
import { ROOT, readComposeFile, type Service } from './compose-file.ts';
import { findComposeParser } from './compose-parser.ts';
import { readDockerfile } from './dockerfile.ts';

const PROMTOOL = 'promtool';
const { services, volumes, secrets } = readComposeFile();
const entries = Object.entries(services);
const temporary = mkdtempSync(join(tmpdir(), 'livespan-compose-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** What a program that checks a configuration says; empty when it accepts. */
function complaints(program: string, args: readonly string[]): string {
  const { PATH, HOME } = process.env;
  const result = spawnSync(program, args, { cwd: ROOT, env: { PATH, HOME }, encoding: 'utf8' });
  return result.status === 0 ? '' : `${result.error?.message ?? ''}${result.stdout}${result.stderr}`;
}

describe('docker-compose.yml', () => {
  const { parser, against: parserAgainst } = findComposeParser();
  it.skipIf(parser === undefined)(`is accepted by the parser, ${parserAgainst}`, () => {
    const ask = (file: string): string => complaints(parser?.program ?? '', parser?.argsFor(file) ?? []);
    expect(ask('docker-compose.yml')).toBe('');
    const bad = join(temporary, 'bad.yml');
    writeFileSync(bad, 'services:\n  one:\n    image: redis:7\n    portz: []\n');
    expect(ask(bad)).toMatch(/portz/);
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

  const checkedStages = readDockerfile()
    .filter(({ steps }) => steps.some(({ instruction }) => instruction === 'HEALTHCHECK'))
    .map(({ name }) => name);
  const ownCheck = (service: Service | undefined): boolean =>
    service?.healthcheck !== undefined || checkedStages.includes(service?.build?.target ?? '');

  it('asks every service how it is: by itself, or by another where its image holds nothing to ask with', () => {
    const asker = services['pipeline-health']?.healthcheck?.test.join(' ');
    for (const [name, service] of entries) {
      expect(ownCheck(service) || asker?.includes(` http://${name}:`), name).toBe(true);
    }
    expect(entries.filter(([, service]) => !ownCheck(service)).map(([name]) => name)).toEqual(['tempo', 'collector']);
  });

  it('waits for what can say that it is healthy, and only for services that start together', () => {
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

  it('keeps Redis from losing what it acknowledged: its command line, and what a real Redis makes of it', async () => {
    const [program, ...args] = services.redis?.command ?? [];
    expect(program).toBe('redis-server');
    const redis = await startRedis({ args });
    try {
      const setting = async (name: string): Promise<string | undefined> =>
        (await redis.cli('CONFIG', 'GET', name)).split('\n')[1];
      expect(await setting('appendonly')).toBe('yes');
      expect(await setting('appendfsync')).toBe('everysec');
      expect(await setting('maxmemory-policy')).toBe('noeviction');
      expect(Number(await setting('maxmemory'))).toBe(512 * 1_048_576);
      const [, cli, ...check] = services.redis?.healthcheck?.test ?? [];
      expect(cli).toBe('redis-cli');
      expect(await redis.cli(...check)).toBe('PONG');
    } finally {
      await redis.stop();
    }
  });

  it('hands signals to services that have no handler of their own, which the first process of a container would not get', () => {
    expect(entries.filter(([, { init }]) => init === true).map(([name]) => name)).toEqual(['gateway', 'upstream']);
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

describe('collector/README.md', () => {
  it('has every variable of the configurations, with its default', () => {
    const rows = readFileSync(configPath('README.md'), 'utf8').split('\n');
    const files = globSync('*.yaml', { cwd: configPath('.') });
    const used = files.flatMap((name) => [
      ...readFileSync(configPath(name), 'utf8').matchAll(/\$\{env:(\w+):-([^}]*)\}/g),
    ]);
    expect(used.length).toBeGreaterThan(20);
    for (const [, variable = '', byDefault = ''] of used) {
      const cell = rows.find((row) => row.startsWith(`| \`${variable}\` |`))?.split('|')[2];
      expect(cell, variable).toContain(byDefault === '' ? ' ' : `\`${byDefault}\``);
    }
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

  describe('Grafana', () => {
    const yaml = (path: string): unknown => parse(readFileSync(`${ROOT}compose/grafana/provisioning/${path}`, 'utf8'));
    const { datasources } = yaml('datasources/datasources.yaml') as {
      datasources: { uid: string; type: string; url: string }[];
    };
    const { providers } = yaml('dashboards/dashboards.yaml') as { providers: { options: { path: string } }[] };
    const dashboards = globSync('compose/grafana/dashboards/*.json', { cwd: ROOT });

    it('asks services of this file', () => {
      expect(datasources.length).toBeGreaterThan(0);
      for (const { url } of datasources) expect(services[new URL(url).hostname], url).toBeDefined();
    });

    it.each(dashboards)('%s asks data sources that are provisioned', (path) => {
      const used: { uid?: string; type?: string }[] = [];
      const { panels } = JSON.parse(readFileSync(join(ROOT, path), 'utf8'), (key, value: unknown) => {
        if (key === 'datasource') used.push(value as { uid?: string; type?: string });
        return value;
      }) as { panels: { title: string; targets: { datasource?: unknown }[] }[] };
      expect(panels.length).toBeGreaterThan(0);
      for (const { title, targets } of panels) {
        expect(targets.length, title).toBeGreaterThan(0);
        for (const target of targets) expect(target.datasource, title).toBeDefined();
      }
      const known = datasources.map(({ uid, type }) => ({ uid, type }));
      for (const datasource of used) expect(known).toContainEqual({ uid: datasource.uid, type: datasource.type });
    });

    it('finds its dashboards where the provider looks, and its first page among them', () => {
      const folder = providers[0]?.options.path ?? '';
      expect(services.grafana?.volumes).toContain(`./compose/grafana/dashboards:${folder}:ro`);
      expect(dashboards.map((path) => path.replace('compose/grafana/dashboards', folder))).toContain(
        services.grafana?.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH,
      );
    });
  });
});
