import { readOptions } from '../config.ts';
import { toLivespanError } from '../errors.ts';
import type { Call, Command } from './command.ts';
import { type Daemon, daemonFiles, isRunning, readDaemon, STATE_DIR_OPTION } from './daemon.ts';
import { ask } from './http-probe.ts';
import { READER_URL_DEFAULT } from './serving.ts';

export const status: Command = {
  name: 'status',
  summary: 'Say whether the server runs in the background, and whether it serves',
  usage: '[flags]',
  examples: [{ line: 'livespan status', doc: 'Exit code 0 when it runs and its log is reached, else 1' }],
  options: ['token'],
  ownOptions: [STATE_DIR_OPTION, { name: 'json', doc: 'The same as JSON' }],
  operandsMax: 0,
  run,
};

interface Report {
  running: boolean;
  ready: boolean;
  url?: string;
  pid?: number;
  startedAt?: string;
  logFile?: string;
  /** A sentence on what is wrong. */
  problem?: string;
}

async function run(call: Call): Promise<number> {
  const { token } = readOptions(['token'], call.given);
  const files = daemonFiles(call);
  const daemon = await readDaemon(files);
  const report = daemon === undefined ? await withoutDaemon() : await inspect(daemon, files.log, token);
  await call.output.out(call.own.json ? JSON.stringify(report) : sentence(report));
  return report.running && report.ready ? 0 : 1;
}

/** A server may run all the same, in somebody's terminal: whoever asks wants to know. */
async function withoutDaemon(): Promise<Report> {
  const somebody = await ask(`${READER_URL_DEFAULT}/health`, undefined).catch(() => undefined);
  const elsewhere = somebody?.status === 200 ? `; something answers at ${READER_URL_DEFAULT}` : '';
  return { running: false, ready: false, problem: `nothing was started with livespan start${elsewhere}` };
}

async function inspect(daemon: Daemon, logFile: string, token: string | undefined): Promise<Report> {
  const { url, pid, startedAt } = daemon;
  const known = { url, pid, startedAt, logFile };
  if (!(await isRunning(daemon))) {
    return { ...known, running: false, ready: false, problem: `it has ended without livespan stop; see ${logFile}` };
  }
  try {
    const { status, body } = await ask(`${url}/ready`, token);
    if (status === 200) return { ...known, running: true, ready: true };
    const detail = (body as { detail?: unknown } | undefined)?.detail;
    return { ...known, running: true, ready: false, problem: typeof detail === 'string' ? detail : `status ${status}` };
  } catch (thrown) {
    return { ...known, running: true, ready: false, problem: toLivespanError(thrown).message };
  }
}

function sentence({ running, ready, url, pid, startedAt, problem }: Report): string {
  if (!running) return `livespan is not running: ${problem}`;
  const since = `livespan runs on ${url} since ${startedAt} (pid ${pid})`;
  return ready ? `${since} and is ready` : `${since} and is not ready: ${problem}`;
}
