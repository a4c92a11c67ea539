import { encodeActivity } from '../activity/codec.ts';
import { LivespanError } from '../errors.ts';
import { doctorActivity } from './doctor-activity.ts';
import { clockFinding, type Finding, finding, probe } from './doctor-report.ts';
import { ask, bodyOf } from './http-probe.ts';
import { withoutCredentials } from './serving.ts';

const TIMEOUT_MS = 5_000;

/** Server, log, append, subscribe and clock, where everything goes through a livespan server. */
export async function examineServer(url: string, token: string | undefined): Promise<Finding[]> {
  const server = await probe('server', () => answers(url));
  if (server.outcome !== 'ok') {
    const rest = ['log', 'append', 'subscribe', 'clock'];
    return [server, ...rest.map((hop) => finding(hop, 'skipped', 'the server is not reached'))];
  }
  const log = await probe('log', () => describeLog(url, token));
  const [append, subscribe] = await roundTrip(url, token);
  return [server, log, append, subscribe, await probe('clock', () => compareClocks(url, token))];
}

/** @throws LivespanError when no livespan server answers there */
export async function answers(url: string): Promise<Finding> {
  const answer = await ask(`${url}/health`, undefined).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new LivespanError('log_unavailable', `${withoutCredentials(url)}: ${why}; livespan serve starts a server`);
  });
  bodyOf(answer);
  return finding('server', 'ok', `a livespan server answers at ${withoutCredentials(url)}`, answer.ms);
}

async function describeLog(url: string, token: string | undefined): Promise<Finding> {
  const ready = await ask(`${url}/ready`, token);
  bodyOf(ready);
  const { log } = bodyOf(await ask(`${url}/stats`, token)) as { log?: { description?: string; length?: number } };
  return finding(
    'log',
    'ok',
    `the server is ready; its log: ${log?.description ?? '?'}, ${log?.length ?? '?'} entries`,
    ready.ms,
  );
}

async function roundTrip(url: string, token: string | undefined): Promise<[Finding, Finding]> {
  const activity = doctorActivity();
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const stream = await openStream(url, token, activity.id, signal).catch((error: unknown) => ({ error }));
  const startMs = performance.now();
  const append = await probe('append', async () => {
    const body = JSON.stringify({ activities: [JSON.parse(encodeActivity(activity))] });
    const headers = { 'content-type': 'application/json' };
    const { accepted, last } = bodyOf(await ask(`${url}/ingest`, token, { method: 'POST', headers, body }));
    if (accepted !== 1) throw new LivespanError('invalid_request', 'the server did not take the activity');
    return finding('append', 'ok', `one activity went into the log at ${String(last)}`, performance.now() - startMs);
  });
  const subscribe = await probe('subscribe', async () => {
    if (append.outcome !== 'ok') return finding('subscribe', 'skipped', 'nothing was appended');
    if ('error' in stream) throw stream.error;
    if (!(await stream.arrives()))
      throw new LivespanError('timeout', 'the stream is open, but the activity did not arrive');
    return finding('subscribe', 'ok', 'and came back over the stream', performance.now() - startMs);
  });
  stop.abort();
  return [append, subscribe];
}

/** Opens the stream for one id; resolves when the server has said where it starts. */
async function openStream(url: string, token: string | undefined, id: string, signal: AbortSignal) {
  const address = `${url}/activity/stream?format=ndjson&filter=${encodeURIComponent(`id:${id}`)}`;
  const response = await fetch(address, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal,
  });
  if (!response.ok || response.body === null)
    throw new LivespanError('invalid_request', `the stream answers ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  /** Reads on until the text is there; `false` when the stream ends, or the time, before that. */
  const reads = async (wanted: string): Promise<boolean> => {
    while (!text.includes(wanted)) {
      const part = await reader.read().catch(() => ({ done: true as const, value: undefined }));
      if (part.done) return false;
      text += part.value;
    }
    return true;
  };
  await reads('\n');
  return { arrives: () => reads(id) };
}

async function compareClocks(url: string, token: string | undefined): Promise<Finding> {
  const sentMs = Date.now();
  const { log } = bodyOf(await ask(`${url}/stats`, token)) as { log?: { timeMs?: number } };
  if (log?.timeMs === undefined) throw new LivespanError('log_unavailable', 'the server could not read the log');
  return clockFinding("the server's log", log.timeMs, sentMs, Date.now());
}
