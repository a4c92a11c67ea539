/**
 * `npm run soak [-- --minutes 30 --rate 2000 --readers 100]`: an application, a Redis and a server, each a process of its
 * own, under steady load, with readers that come and go and one that never reads. Prints the figures every minute and ends
 * with 1 when something grows or any reader saw a wrong sequence. From 30 minutes on it writes docs/soak.md.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type RedisServer, startRedis } from '../test/support/redis.ts';
import type { ProcessSample } from './soak-process.ts';
import { LANES, NeverReader, noCounts, SoakReader } from './soak-readers.ts';
import { findings, type Minute, markdownRow, rowText, TITLES } from './soak-verdict.ts';

const FEED = 'livespan:soak';
const MINUTE_MS = 60_000;
/** Every fifth reader asks for one lane only. */
const FILTERED_EACH = 5;
const REPORT_FROM_MINUTES = 30;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '2000' },
    readers: { type: 'string', default: '100' },
    'sample-seconds': { type: 'string', default: '60' },
  },
});
const minutes = Number(values.minutes);
const sampleMs = Number(values['sample-seconds']) * 1_000;
const children: ChildProcess[] = [];
const redis = await startRedis();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function start(...args: string[]): ChildProcess {
  const child = fork(join(import.meta.dirname, 'soak-process.ts'), args, { execArgv: ['--expose-gc'] });
  child.once('exit', (code, signal) => {
    console.error(`the ${args[0]} ended by itself: ${code ?? signal}`);
    process.exit(1);
  });
  children.push(child);
  return child;
}

function ask(child: ChildProcess, message: string): Promise<ProcessSample> {
  return new Promise((resolve) => {
    child.once('message', (answer) => resolve(answer as ProcessSample));
    child.send(message);
  });
}

async function redisFigure(server: RedisServer, section: string, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await server.cli('INFO', section))?.[1] ?? Number.NaN);
}

const app = start('app', redis.url, FEED, values.rate);
const server = start('server', redis.url, FEED);
const { url = '' } = await ask(server, 'sample');
const counts = noCounts();
const readers = Array.from(
  { length: Number(values.readers) },
  (_, index) => new SoakReader(url, index % FILTERED_EACH === 0 ? index % LANES : undefined, counts),
);
const never = new NeverReader(url);
await ask(app, 'start');
for (const reader of readers) {
  reader.come();
  await sleep(10);
}
never.come();

const startMs = performance.now();
const samples: Minute[] = [];
console.log(`${minutes} min at ${values.rate}/s, ${readers.length} readers that come and go, one that never reads`);
console.log(rowText(TITLES));
while (performance.now() - startMs < minutes * MINUTE_MS) {
  await sleep(Math.max(0, startMs + (samples.length + 1) * sampleMs - performance.now()));
  samples.push(await sampleAll());
  console.log(rowText(samples.at(-1)?.cells ?? []));
}
const ended = await settle();
const problems = [...findings(samples), ...ended.problems];
console.log(ended.sentence);
console.log(problems.length === 0 ? 'Flat, and every sequence right.' : `FAILED:\n${problems.join('\n')}`);
if (minutes >= REPORT_FROM_MINUTES) {
  await writeFile(join(import.meta.dirname, '../docs/soak.md'), report());
  console.log('written to docs/soak.md');
}
for (const child of children) child.removeAllListeners('exit').disconnect();
await redis.stop();
process.exitCode = problems.length === 0 ? 0 : 1;

async function sampleAll(): Promise<Minute> {
  const inServer = await ask(server, 'sample');
  const inApp = await ask(app, 'sample');
  const connected = readers.filter((reader) => reader.connected).length;
  const redisBytes = await redisFigure(redis, 'memory', 'used_memory');
  const redisClients = await redisFigure(redis, 'clients', 'connected_clients');
  const minute = (performance.now() - startMs) / MINUTE_MS;
  return createMinute({ minute, inServer, inApp, connected, redisBytes, redisClients });
}

function createMinute(figures: Omit<Minute, 'cells'>): Minute {
  const { minute, inServer, inApp, connected, redisBytes, redisClients } = figures;
  const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(1);
  const cells = [
    minute.toFixed(1),
    mib(inServer.heapBytes),
    mib(inServer.rssBytes),
    String(inServer.descriptors),
    String(connected),
    mib(inApp.heapBytes),
    mib(inApp.rssBytes),
    String(inApp.descriptors),
    mib(redisBytes),
    String(redisClients),
    String(inApp.stats?.published ?? 0),
    String(counts.entries),
    String(counts.connections),
    `${Math.round(inServer.cpuShare * 100)} %`,
  ];
  return { ...figures, cells };
}

/** Ends the load, then waits until every reader has the newest entry. */
async function settle(): Promise<{ sentence: string; problems: string[] }> {
  const problems: string[] = [];
  const { stats } = await ask(app, 'stop');
  if (stats === undefined) throw new Error('the application has no figures');
  const { emitted, published, queued, dropped } = stats;
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  if (emitted !== published + queued + lost) problems.push(`the sums differ: ${JSON.stringify(stats)}`);
  const last = Number(await redis.cli('HGET', `{${FEED}}:meta`, 'n'));
  if (lost === 0 && last !== published) problems.push(`${published} were published, the log has numbered ${last}`);
  for (const reader of readers) reader.stay();
  const deadline = performance.now() + 60_000;
  const behind = (): SoakReader[] => readers.filter(({ n }) => n < last);
  while (behind().length > 0 && performance.now() < deadline) await sleep(100);
  if (behind().length > 0) problems.push(`${behind().length} readers never reached the newest entry`);
  for (const reader of readers) reader.close();
  never.close();
  problems.push(...counts.wrong);
  const sentence = `${emitted} emitted = ${published} published + ${queued} queued + ${lost} dropped; the log numbered ${last}. ${counts.entries} entries came to ${readers.length} readers over ${counts.connections} connections; ${counts.told} gaps told with ${counts.missed} entries, ${counts.breaks} connections broke by themselves, ${counts.wrong.length} sequences were wrong.`;
  return { sentence, problems };
}

function report(): string {
  const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}`;
  const load = loadavg()[1]?.toFixed(1);
  return `# Soak

\`npm run soak -- --minutes ${minutes}\` on ${new Date().toISOString().slice(0, 10)}: ${values.rate} activities/s from an application process through a real Redis to a
server process, ${readers.length} readers that come (5 to 60 s) and go (up to 20 s, resuming with their cursor; every fifth has a filter) and one that never
reads. ${machine}. The machine was shared with other work (load ${load} at the end), so absolute times say little.

Heap is taken after a full collection, with the buffers outside it. Descriptors of the server include one for each reader that is connected at that moment.

| ${TITLES.join(' | ')} |
|${TITLES.map(() => '---:').join('|')}|
${samples.map(({ cells }) => markdownRow(cells)).join('\n')}

${ended.sentence}

${problems.length === 0 ? 'Nothing grows after warm-up (bounds in `bench/soak-verdict.ts`), and every reader saw every entry once and in order, or was told exactly what it missed.' : `**Failed**: ${problems.join('; ')}`}
`;
}
