import { environment, envName, readOptions } from '../config.ts';
import type { Call, Command } from './command.ts';
import { daemonFiles, readDaemon, STATE_DIR_OPTION } from './daemon.ts';
import { ask, bodyOf } from './http-probe.ts';
import { printable } from './output.ts';
import { serverUrl } from './serving.ts';

export const stats: Command = {
  name: 'stats',
  summary: 'The figures of a running server: its log, feed, readers and memory',
  usage: '[flags]',
  examples: [
    { line: 'livespan stats', doc: 'Of the server in the background, else of the one at the default address' },
    { line: 'livespan stats --json | jq .readers', doc: 'For a program' },
  ],
  options: ['url', 'token'],
  ownOptions: [STATE_DIR_OPTION, { name: 'json', doc: 'As JSON, as the server gives them' }],
  operandsMax: 0,
  run,
};

async function run(call: Call): Promise<number> {
  const { given, own, output } = call;
  const { token } = readOptions(['token'], given);
  const isChosen = given.url !== undefined || (environment()[envName('url')] ?? '') !== '';
  const url = (isChosen ? undefined : (await readDaemon(daemonFiles(call)))?.url) ?? serverUrl(given);
  const figures = bodyOf(await ask(`${url}/stats`, token));
  if (own.json) await output.out(JSON.stringify(figures));
  else for (const line of lines(figures)) await output.out(line);
  return 0;
}

/** `log.length  12`: whatever the server counts, without a list of it here that would grow old. */
function lines(figures: Record<string, unknown>): string[] {
  const rows = flat('', figures);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`);
}

function flat(prefix: string, record: Record<string, unknown>): [string, string][] {
  return Object.entries(record).flatMap(([key, value]): [string, string][] => {
    const name = prefix + key;
    if (Array.isArray(value)) return value.length === 0 ? [] : [[name, value.map(String).join('; ')]];
    if (typeof value === 'object' && value !== null) return flat(`${name}.`, value as Record<string, unknown>);
    return [[name, String(value)]];
  });
}
