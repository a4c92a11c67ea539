import { environment, envName, OPTIONS, type OptionName, readOptions } from '../config.ts';
import { toLivespanError } from '../errors.ts';
import { readOtelEnvironment } from '../sdk/otel-environment.ts';
import type { Call, Command } from './command.ts';
import { examineOtlp } from './doctor-otlp.ts';
import { examineLog } from './doctor-redis.ts';
import { type Finding, finding, type Outcome, probe } from './doctor-report.ts';
import { answers, examineServer } from './doctor-server.ts';
import { type Output, printable, type Style } from './output.ts';
import { READER_URL_DEFAULT } from './serving.ts';

const OPTION_NAMES: readonly OptionName[] = ['url', 'feed', 'token', 'host', 'port'];

export const doctor: Command = {
  name: 'doctor',
  summary: 'Send one real activity along the whole way and say what every hop answers',
  usage: '[flags]',
  examples: [
    { line: 'livespan doctor', doc: 'With the settings that applications have here; exit code 1 when a hop fails' },
    { line: 'livespan doctor --url redis://127.0.0.1:6379 --json', doc: 'Another log, and the answer for a program' },
  ],
  options: OPTION_NAMES,
  ownOptions: [{ name: 'json', doc: 'The findings as JSON' }],
  operandsMax: 0,
  run,
};

async function run(call: Call): Promise<number> {
  const { own, output } = call;
  const findings: Finding[] = [];
  for await (const found of examine(call)) {
    findings.push(found);
    if (!own.json) await output.out(line(found, output));
  }
  const isWell = findings.every(({ outcome }) => outcome !== 'failed');
  if (own.json) await output.out(JSON.stringify({ ok: isWell, findings }));
  return isWell ? 0 : 1;
}

async function* examine(call: Call): AsyncGenerator<Finding> {
  const settings = examineEnvironment(call);
  yield settings;
  if (settings.outcome === 'failed') return;
  const {
    url = READER_URL_DEFAULT,
    feed,
    token,
    host,
    port,
  } = readOptions(['url', 'feed', 'token', 'host', 'port'], call.given);
  if (/^https?:/i.test(url)) yield* await examineServer(url.replace(/\/+$/, ''), token);
  else if (url.startsWith('memory:')) {
    yield finding('log', 'skipped', 'memory: the log is inside each process, and nothing from outside can reach it');
  } else {
    yield* await examineLog(url, feed);
    const server = await probe('server', () => answers(`http://${host}:${port}`));
    // The log is in Redis, so a server is needed for pages and streams only.
    yield server.outcome === 'failed' ? { ...server, outcome: 'warning' } : server;
  }
  yield await probe('otlp', examineOtlp);
}

/** Every variable of ours is read and checked, also those that another command would use. */
function examineEnvironment({ given }: Call): Finding {
  const env = environment();
  const names = Object.keys(OPTIONS) as OptionName[];
  const set = names.filter((name) => (env[envName(name)] ?? '') !== '').map(envName);
  const { warnings, unused } = readOtelEnvironment(env, false);
  const remarks = [...warnings];
  if (unused.length > 0) remarks.push(`set, but without effect: ${unused.join(', ')}`);
  if (env.REDIS_URL && env[envName('url')] === undefined && given.url === undefined) {
    remarks.push('REDIS_URL is set but not used; to keep the log there: LIVESPAN_URL="$REDIS_URL"');
  }
  const unknown = Object.keys(env).filter((name) => name.startsWith('LIVESPAN_') && !isKnown(name, names));
  if (unknown.length > 0) remarks.push(`unknown: ${unknown.join(', ')}`);
  try {
    readOptions(names, given);
  } catch (thrown) {
    return finding('environment', 'failed', toLivespanError(thrown).message);
  }
  const facts = `Node.js ${process.versions.node}; ${set.length === 0 ? 'no LIVESPAN_ variable is set' : `set: ${set.join(', ')}`}`;
  return remarks.length === 0
    ? finding('environment', 'ok', facts)
    : finding('environment', 'warning', `${facts}; ${remarks.join('; ')}`);
}

function isKnown(variable: string, names: readonly OptionName[]): boolean {
  return variable === 'LIVESPAN_STATE_DIR' || names.some((name) => envName(name) === variable);
}

const MARKS: Readonly<Record<Outcome, { mark: string; style: Style }>> = {
  ok: { mark: '✓', style: 'green' },
  warning: { mark: '!', style: 'yellow' },
  failed: { mark: '✗', style: 'red' },
  skipped: { mark: '-', style: 'dim' },
};

function line({ hop, outcome, sentence, ms }: Finding, { paint }: Output): string {
  const { mark, style } = MARKS[outcome];
  const took = ms === undefined ? '' : paint('dim', `  ${ms} ms`);
  return `${paint(style, mark)} ${hop.padEnd(11)}  ${printable(sentence)}${took}`;
}
