import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFeed } from '../../src/feed/open-feed.ts';
import { freePorts } from '../peers/support/program.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { ROOT } from './compose-file.ts';
import { readDockerfile, type Stage } from './dockerfile.ts';
import { type PlainService, startPlainService } from './plain-service.ts';

const stages = readDockerfile();
const folder = mkdtempSync(join(tmpdir(), 'livespan-image-'));
const NODE_FOLDER = dirname(process.execPath);
/** The image holds Node's own files and the C library beside what we put in: 13 MB at most on Alpine. */
const SYSTEM_BYTES = 13_000_000;
const IMAGE_BYTES_MAX = 200_000_000;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Where each stage has got to. */
const workFolders = new Map<string, string>();

/**
 * Runs a stage's steps in a plain folder: one that begins with another stage goes on where that one has got to. What only a
 * container has (files of the base image, users) is left out.
 */
function runStage(stage: Stage): void {
  const base = join(folder, stages.some(({ name }) => name === stage.from) ? stage.from : stage.name);
  let workFolder = workFolders.get(stage.from) ?? base;
  for (const { instruction, text } of stage.steps) {
    if (instruction === 'WORKDIR') {
      workFolder = join(base, text);
      mkdirSync(workFolder, { recursive: true });
    } else if (instruction === 'COPY') copy(text, workFolder);
    else if (instruction === 'RUN') {
      const env = { ...outsideOfNpm(), PATH: `${NODE_FOLDER}:/usr/local/bin:/usr/bin:/bin` };
      const result = spawnSync('sh', ['-c', text], { cwd: workFolder, env, encoding: 'utf8' });
      if (result.status !== 0) throw new Error(`RUN ${text}\n${result.stdout}${result.stderr}`);
    }
  }
  workFolders.set(stage.name, workFolder);
}

/** The machine's settings (proxies, certificates), without those that `npm test` hands to what it runs. */
function outsideOfNpm(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_ENV$)/i.test(name)));
}

function copy(text: string, workFolder: string): void {
  const parts = text.split(' ');
  const from = /^--from=(\S+)$/.exec(parts[0] ?? '')?.[1];
  const sources = from === undefined ? parts.slice(0, -1) : parts.slice(1, -1);
  const target = join(workFolder, parts.at(-1) ?? '');
  for (const source of sources) {
    if (from !== undefined && !source.startsWith('/build/')) continue;
    const origin = from === undefined ? join(ROOT, source) : join(folder, from, source);
    cpSync(origin, parts.at(-1)?.endsWith('/') === true ? join(target, basename(source)) : target, { recursive: true });
  }
}

function bytesOf(path: string): number {
  return globSync('**/*', { cwd: path }).reduce((sum, name) => {
    const entry = statSync(join(path, name), { throwIfNoEntry: false });
    return sum + (entry?.isFile() === true ? entry.size : 0);
  }, 0);
}

describe('Dockerfile, its steps in order in plain folders (no Docker is used)', () => {
  const stage = (name: string): Stage => {
    const found = stages.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no stage ${name}`);
    return found;
  };
  const app = join(folder, 'runtime', 'app');

  beforeAll(() => stages.forEach(runStage), 180_000);

  it('builds with the Node of the package, leaves development behind, and stays below 200 MB', () => {
    const { devDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    expect(stage('build').from).toBe(`node:${devDependencies.node}-alpine`);
    expect(existsSync(join(app, 'dist/cli/main.js'))).toBe(true);
    expect(existsSync(join(app, 'node_modules/fastify'))).toBe(true);
    for (const name of ['vitest', 'typescript', 'vite'])
      expect(existsSync(join(app, 'node_modules', name))).toBe(false);
    const bytes = bytesOf(app) + statSync(process.execPath).size + SYSTEM_BYTES;
    expect(bytes).toBeLessThan(IMAGE_BYTES_MAX);
  });

  it('runs without privileges, and takes nothing from the folder but what .dockerignore lets in', () => {
    expect(stage('runtime').steps).toContainEqual({ instruction: 'USER', text: '65532:65532' });
    expect(stages.at(-1)?.name).toBe('server');
    const allowed = readFileSync(`${ROOT}.dockerignore`, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    const patterns = allowed.map((line) => line.slice(1));
    const copied = stages
      .flatMap(({ steps }) => steps.filter(({ instruction }) => instruction === 'COPY').map(({ text }) => text))
      .filter((text) => !text.startsWith('--from'))
      .flatMap((text) => text.split(' ').slice(0, -1));
    expect(copied.length).toBeGreaterThan(4);
    const matches = (pattern: string, name: string): boolean =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(name);
    for (const source of copied)
      expect(
        patterns.some((pattern) => matches(pattern, source)),
        source,
      ).toBe(true);
  });

  describe('the services made of it, with the commands and settings of the compose file, on this machine', () => {
    const token = 'a-token-of-the-tests';
    const running: PlainService[] = [];
    let redis: RedisServer;
    /** What has a name in the network of the compose file, and where it is here. */
    const places = new Map<string, string>();
    let ports: number[];

    beforeAll(async () => {
      redis = await startRedis();
      ports = await freePorts(5);
      places.set('redis:6379', `127.0.0.1:${redis.port}`);
      for (const [index, name] of ['livespan:4319', 'upstream:8081', 'gateway:8080'].entries())
        places.set(name, `127.0.0.1:${ports[index]}`);
    });
    afterAll(async () => {
      for (const service of running.toReversed()) await service.stop();
      await redis?.stop();
    });

    /** In the order given, for those that come later to end first; one that does not start leaves none behind. */
    const startAll = async (given: Record<string, Record<string, string>>): Promise<void> => {
      const started = await Promise.allSettled(
        Object.entries(given).map(([name, env]) =>
          startPlainService(name, { folders: workFolders, places, token, env }),
        ),
      );
      running.push(...started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])));
      for (const each of started) if (each.status === 'rejected') throw each.reason;
    };

    it('are healthy by their HEALTHCHECK, and the gateway is live at the server by the token of both', async () => {
      const [port = '', , , otlpHttpPort = '', otlpGrpcPort = ''] = ports.map(String);
      await startAll({
        livespan: {
          LIVESPAN_PORT: port,
          LIVESPAN_OTLP_HTTP_PORT: otlpHttpPort,
          LIVESPAN_OTLP_GRPC_PORT: otlpGrpcPort,
        },
        upstream: {},
        // There is no Collector here; test/peers has the gateway with one.
        gateway: { OTEL_TRACES_EXPORTER: 'none' },
      });
      const answer = await fetch(`http://${places.get('gateway:8080')}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': 'the-call' },
        body: JSON.stringify({ model: 'normal', messages: [{ role: 'user', content: 'Hi' }] }),
      });
      expect(answer.status).toBe(200);
      await answer.text();
      const url = `http://${places.get('livespan:4319')}`;
      const signal = AbortSignal.timeout(20_000);
      const names: string[] = [];
      for await (const message of openFeed({ url, token, since: '0-0', filter: 'call:the-call', signal })) {
        if (message.type === 'activity' && message.activity.kind === 'event') names.push(message.activity.name);
        if (names.at(-1) === 'gateway.response_sent') break;
      }
      expect(names).toContain('chat.answered');
    }, 90_000);

    it('let the names of the compose network in, and nobody without the token', async () => {
      const { status: byName } = await ask('/metrics', { host: 'livespan:4319', authorization: `Bearer ${token}` });
      const { status: byOther } = await ask('/metrics', { host: 'other:4319', authorization: `Bearer ${token}` });
      const { status: withoutToken } = await ask('/metrics', { host: 'livespan:4319' });
      expect({ byName, byOther, withoutToken }).toEqual({ byName: 200, byOther: 421, withoutToken: 401 });
    });

    it('end at SIGTERM, the server in order', async () => {
      const ends: string[] = [];
      for (const service of running.toReversed()) ends.push(await service.stop());
      expect(ends).toEqual(['SIGTERM', 'SIGTERM', '0']);
    }, 60_000);

    function ask(path: string, headers: Record<string, string>): Promise<{ status: number | undefined }> {
      return new Promise((resolve, reject) => {
        get(`http://${places.get('livespan:4319')}${path}`, { headers, agent: false }, (response) => {
          response.resume().once('end', () => resolve({ status: response.statusCode }));
        }).once('error', reject);
      });
    }
  });
});
