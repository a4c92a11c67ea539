import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

export interface Project {
  dir: string;
  /** Runs a program inside; answers its stdout, rejects with stderr when it fails. */
  run(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string>;
  /** Writes a file and runs it with a `node`. */
  script(name: string, text: string, node?: string): Promise<string>;
  remove(): Promise<void>;
}

/** `npm pack` of what `npm run build` left in dist/: the tarball's path and the files in it. */
export async function pack(): Promise<{ tarball: string; files: { path: string; size: number }[]; dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'livespan-pack-'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir], { cwd: ROOT });
  const parsed: unknown = JSON.parse(stdout);
  const packed = (Array.isArray(parsed) ? parsed[0] : Object.values(parsed as object)[0]) as {
    filename: string;
    files: { path: string; size: number }[];
  };
  return { tarball: join(dir, packed.filename), files: packed.files, dir };
}

/** An empty project with these packages installed by npm. */
export async function createProject(packages: readonly string[]): Promise<Project> {
  const dir = await mkdtemp(join(tmpdir(), 'livespan-project-'));
  await writeFile(
    join(dir, 'package.json'),
    JSON.stringify({ private: true, type: 'module', allowScripts: { node: true } }),
  );
  const project: Project = {
    dir,
    async run(program, args, env = {}) {
      // Not the repository's own node_modules/.bin, which npm puts on PATH: a new user has none.
      const path = [join(dir, 'node_modules/.bin'), dirname(process.execPath), process.env.PATH ?? ''].join(':');
      const { stdout } = await run(program, [...args], {
        cwd: dir,
        env: { ...process.env, PATH: path, ...env },
        maxBuffer: 16_777_216,
      });
      return stdout;
    },
    async script(name, text, node = process.execPath) {
      await writeFile(join(dir, name), text);
      return project.run(node, [join(dir, name)]);
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
  await project.run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages]);
  return project;
}
