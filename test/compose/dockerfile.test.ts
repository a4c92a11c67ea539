import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, until } from '../peers/support/program.ts';
import { ROOT } from './compose-file.ts';
import { execForm, readDockerfile, type Stage } from './dockerfile.ts';

const stages = readDockerfile();
const folder = mkdtempSync(join(tmpdir(), 'livespan-image-'));
const NODE_FOLDER = dirname(process.execPath);
/** The image holds Node's own files and the C library beside what we put in: 13 MB at most on Alpine. */
const SYSTEM_BYTES = 13_000_000;
const IMAGE_BYTES_MAX = 200_000_000;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a stage's steps in a plain folder. What only a container has (files of the base image, users) is left out. */
function runStage(stage: Stage, base: string): void {
  let workFolder = base;
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

  beforeAll(() => {
    for (const name of ['build', 'runtime']) runStage(stage(name), join(folder, name));
  }, 180_000);

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

  it('starts by its CMD, is healthy by its HEALTHCHECK, and ends at SIGTERM', async () => {
    const [port = 0, otlpHttpPort = 0, otlpGrpcPort = 0] = await freePorts(3);
    const steps = stage('server').steps;
    const of = (instruction: string): string[] =>
      execForm(steps.find((step) => step.instruction === instruction)?.text ?? '[]');
    const env = {
      PATH: NODE_FOLDER,
      NODE_ENV: 'production',
      LIVESPAN_HOST: '0.0.0.0',
      LIVESPAN_TOKEN: 'a-token-of-the-tests',
      LIVESPAN_PORT: String(port),
      LIVESPAN_OTLP_HTTP_PORT: String(otlpHttpPort),
      LIVESPAN_OTLP_GRPC_PORT: String(otlpGrpcPort),
    };
    const check = (): number | null => {
      const [program = '', ...args] = of('HEALTHCHECK');
      return spawnSync(program, args, { cwd: app, env, timeout: 20_000 }).status;
    };
    expect(check()).toBe(1);
    const [program = '', ...args] = of('CMD');
    const server = spawn(program, args, { cwd: app, env, stdio: 'ignore' });
    try {
      await until('healthy', () => check() === 0, { timeoutMs: 30_000 });
    } finally {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
    }
    expect(server.exitCode).not.toBeNull();
  }, 60_000);
});
