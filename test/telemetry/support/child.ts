import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const REGISTER = join(ROOT, 'src/register.ts');
export const INDEX = join(ROOT, 'src/index.ts');

export interface ChildResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  elapsedMs: number;
  /** What the program gave to `report()`, one JSON text a line. */
  reports: Record<string, unknown>[];
}

export interface ChildOptions {
  /** How livespan gets in; `none` for programs that call it themselves. */
  preload?: 'import' | 'require' | 'none';
  env?: Record<string, string>;
  /** Extension of the program: `.mjs` or `.cjs`. */
  kind?: 'mjs' | 'cjs';
  /** Name of the program's file, without folder. */
  file?: string;
}

const HELPER = {
  mjs: `import { writeSync } from 'node:fs'; const report = (facts) => writeSync(1, '@' + JSON.stringify(facts) + '\\n');\n`,
  cjs: `const { writeSync } = require('node:fs'); const report = (facts) => writeSync(1, '@' + JSON.stringify(facts) + '\\n');\n`,
};

/** Runs a program as an application beside livespan's sources, and waits for its end. */
export async function runChild(program: string, options: ChildOptions = {}): Promise<ChildResult> {
  const kind = options.kind ?? 'mjs';
  // Below the repository, so that it finds the packages an application would have.
  const folder = mkdtempSync(join(ROOT, 'test/telemetry/.child-'));
  const file = join(folder, options.file ?? `app.${kind}`);
  writeFileSync(file, HELPER[kind] + program);
  const preload = options.preload ?? 'import';
  const flags = preload === 'none' ? [] : [`--${preload}`, REGISTER];
  const started = Date.now();
  const child = spawn(process.execPath, [...flags, file], { env: cleanEnvironment(options.env), cwd: folder });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 25_000);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on('close', (...ended) => resolve(ended));
  });
  clearTimeout(timer);
  rmSync(folder, { recursive: true, force: true });
  const reports = stdout
    .split('\n')
    .filter((line) => line.startsWith('@{'))
    .map((line) => JSON.parse(line.slice(1)) as Record<string, unknown>);
  return { code, signal, stdout, stderr, elapsedMs: Date.now() - started, reports };
}

/** Nothing of the machine's own settings; the live side stays in the process. */
function cleanEnvironment(env: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(OTEL|LIVESPAN|NODE|VITEST|REDIS)_/.test(name));
  return { ...Object.fromEntries(own), LIVESPAN_URL: 'memory:', OTEL_TRACES_EXPORTER: 'none', ...env };
}
