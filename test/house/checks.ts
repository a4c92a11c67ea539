import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** What is checked without running anything, by the scripts of package.json: all at once, told one after the other. */
const CHECKS = ['check:types', 'check:monitor', 'check:style', 'check:unused'];

const runs = CHECKS.map(async (name) => {
  const child = spawn(process.execPath, ['--run', name], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { name, isGood: code === 0, told: out + errors };
});
for (const run of runs) {
  const { name, isGood, told } = await run;
  process.stdout.write(told);
  if (isGood) continue;
  process.stdout.write(`${name} failed\n`);
  process.exitCode = 1;
}
