/**
 * `npm run fuzz -- --cases N [--seed S] [file …]`: every property test with N cases, the dear ones (real Redis, real
 * sockets) with a fixed share of N. Prints the seed; the same seed gives the same cases.
 */
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const TIME_LIMIT_MS = 24 * 3_600_000;

const { values, positionals } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
  allowPositionals: true,
});
for (const [name, text] of Object.entries(values)) {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`--${name} must be a number, not ${text}`);
}
const files = globSync('test/**/*.test.ts', { cwd: ROOT }).filter(
  (file) =>
    readFileSync(join(ROOT, file), 'utf8').includes('/cases.ts') &&
    (positionals.length === 0 || positionals.some((part) => file.includes(part))),
);
process.stdout.write(`${values.cases} cases, --seed ${values.seed}, ${files.length} files\n`);
const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
const child = spawn(process.execPath, [vitest, 'run', '--testTimeout', String(TIME_LIMIT_MS), ...files], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, LIVESPAN_TEST_CASES: values.cases, LIVESPAN_TEST_SEED: values.seed },
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
