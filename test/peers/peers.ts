/**
 * `npm run peers`: gets the programs that we did not write and that the end-to-end tests talk to. What is cached is left
 * as it is.
 */
import { peersFolder } from './catalogue.ts';
import { providePeers } from './provide.ts';

const startMs = Date.now();
try {
  await providePeers(say);
  say(`all in ${peersFolder()} after ${Math.round((Date.now() - startMs) / 1_000)} s`);
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
