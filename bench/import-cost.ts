import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Bench, interleave, median } from './harness.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
const MODES = ['import-api', 'import', 'require-api', 'require'] as const;
type Mode = (typeof MODES)[number];

/** What one start of an application loads; `api.mjs` is an ES module that needs the API and nothing else. */
const PROGRAMS: Record<Mode, string> = {
  'import-api': `await import('./api.mjs')`,
  import: `await import('./api.mjs'); await import('livespan')`,
  'require-api': `require('@opentelemetry/api'); require('./api.mjs')`,
  require: `require('@opentelemetry/api'); require('livespan')`,
};

export const importCost: Bench = {
  name: 'import',
  title: "What `import 'livespan'` costs",
  async run({ repeats, isQuick, say }) {
    // The package as it is published, not the sources: `npm run build` made it.
    if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('dist/ is missing: npm run build');
    const dir = await project();
    try {
      say('import: processes that only load');
      const starts = await interleave(MODES, repeats * (isQuick ? 3 : 6), (mode) => start(dir, mode));
      const over = (mode: 'import' | 'require') =>
        median(starts[mode].map((cpuMs, index) => cpuMs - (starts[`${mode}-api`][index] ?? Number.NaN)));
      const ms = (mode: Mode) => `${median(starts[mode]).toFixed(1)} ms`;
      return (['import', 'require'] as const).map((mode) => ({
        what: `${mode} of livespan over @opentelemetry/api, CPU`,
        value: over(mode),
        unit: 'ms',
        target: { sign: '≤', value: 15 },
        detail: `${ms(mode)} - ${ms(`${mode}-api`)}, ${starts.import.length} processes each`,
      }));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
};

async function project(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'livespan-import-'));
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  await writeFile(join(dir, 'api.mjs'), `import { trace } from '@opentelemetry/api';\nexport { trace };\n`);
  const entry = JSON.stringify(join(ROOT, 'dist/index.js'));
  for (const mode of MODES) {
    const text = PROGRAMS[mode].replaceAll(`'livespan'`, entry);
    const clock = `const before = process.cpuUsage();\n${text};\nconst used = process.cpuUsage(before);`;
    const program = `${clock}\nconsole.log((used.user + used.system) / 1000);\n`;
    await writeFile(join(dir, `${mode}.${mode.startsWith('import') ? 'mjs' : 'cjs'}`), program);
  }
  return dir;
}

/** CPU of loading, ms. */
async function start(dir: string, mode: Mode): Promise<number> {
  const file = `${mode}.${mode.startsWith('import') ? 'mjs' : 'cjs'}`;
  const { stdout } = await run(process.execPath, [join(dir, file)], { cwd: dir });
  return Number(stdout);
}
