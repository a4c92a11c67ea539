import type { Activity, Attributes, AttributeValue } from '../../activity/activity.ts';
import { type Chat, readChat } from './chat.ts';
import { formatBytes, formatCount, formatDuration } from './figures.ts';
import type { Call, Entry, SpanRow, SpanState } from './model.ts';
import { isError, spanKey, timeUsOf, titleOf } from './span-row.ts';

/** One step of a call, in words. */
export interface Step {
  readonly key: string;
  /** "Sent to upstream" */
  readonly title: string;
  /** "gpt-4o at api.example, attempt 1"; may be empty. */
  readonly detail: string;
  readonly state: 'done' | 'running' | 'warn' | 'error' | 'lost';
  readonly timeUs: number;
  /** ms since the call began. */
  readonly offsetMs: number;
  /** ms since the step before; space is drawn for it. */
  readonly gapMs: number;
  readonly entry: Entry;
}

/** One request to an upstream, and what came of it. */
export interface Attempt {
  readonly attempt: number;
  readonly host: string;
  readonly model: string | undefined;
  readonly state: 'waiting' | 'ok' | 'failed';
  readonly status: number | undefined;
  readonly error: string | undefined;
  readonly durationMs: number | undefined;
  readonly startUs: number;
}

export interface Tokens {
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly total: number;
}

/** One request as a story, from the activities with its call id. */
export interface Story {
  readonly callId: string;
  /** What was asked for: "POST /v1/chat/completions", else the span that the call began with. */
  readonly request: string;
  /** Services and hosts it went through: "gateway → api.openai.com". */
  readonly path: readonly string[];
  readonly state: SpanState;
  readonly durationMs: number;
  readonly model: string | undefined;
  readonly tokens: Tokens | undefined;
  readonly firstTokenMs: number | undefined;
  readonly chunks: number | undefined;
  readonly bytes: number | undefined;
  readonly finishReasons: readonly string[];
  /** Names of the tools that were run, from spans that say so; each once. */
  readonly tools: readonly string[];
  /** While the answer streams: how long it has for. */
  readonly streamingMs: number | undefined;
  readonly attempts: readonly Attempt[];
  readonly steps: readonly Step[];
  /** Prompt, answer and tool calls; only where the application captured them. */
  readonly chat: Chat | undefined;
  /** Entries of the call that are no longer kept. */
  readonly omitted: number;
}

/** @param nowUs end of what still runs, microseconds */
export function tellCall(call: Call, nowUs: number): Story {
  const entries = [...call.entries].sort((a, b) => timeUsOf(a.activity) - timeUsOf(b.activity));
  const facts: Attributes = {};
  for (const { activity } of entries) Object.assign(facts, activity.attributes);
  const attempts = attemptsOf(entries);
  const state = stateOf(call, entries);
  const endUs = state === 'running' ? Math.max(nowUs, call.endUs) : call.endUs;
  const firstMs = firstTokenOf(facts, entries, attempts, call.startUs);
  const isAnswered = attempts.at(-1)?.state === 'ok';
  const isStreaming = state === 'running' && isAnswered && facts['gen_ai.request.stream'] === true;
  const answered = entries.findLast(({ activity }) => activity.name === 'gateway.response_received');
  return {
    callId: call.callId,
    request: requestOf(call, entries),
    path: pathOf(entries, attempts),
    state,
    durationMs: Math.max(0, endUs - call.startUs) / 1_000,
    model: text(facts['gen_ai.response.model']) ?? text(facts['gen_ai.request.model']),
    tokens: tokensOf(facts),
    firstTokenMs: firstMs,
    chunks: number(facts['gateway.chunks']),
    bytes: number(facts['http.response.body.size']),
    finishReasons: list(facts['gen_ai.response.finish_reasons']),
    tools: toolsOf(entries),
    streamingMs: isStreaming && answered ? Math.max(0, nowUs - timeUsOf(answered.activity)) / 1_000 : undefined,
    attempts,
    steps: stepsOf(call, entries, firstMs, state === 'running'),
    chat: readChat(facts),
    omitted: call.entryCount - call.entries.length,
  };
}

/** A request that was answered well is ok, whatever had to be tried before. */
function stateOf(call: Call, entries: readonly Entry[]): SpanState {
  const states = [...call.spans.values()].map(({ state }) => state);
  if (states.includes('running')) return 'running';
  if (states.includes('lost')) return 'lost';
  if (states.includes('started')) return 'started';
  const sent = entries.findLast(({ activity }) => activity.name === 'gateway.response_sent');
  const isFailed = sent === undefined ? call.errorCount > 0 : isError(sent.activity);
  return isFailed ? 'error' : 'ok';
}

function pathOf(entries: readonly Entry[], attempts: readonly Attempt[]): readonly string[] {
  const services = entries.flatMap(({ activity }) => (activity.service === undefined ? [] : [activity.service]));
  return [...new Set([...services, ...attempts.map(({ host }) => host)])].filter((name) => name !== '');
}

function requestOf(call: Call, entries: readonly Entry[]): string {
  const received = entries.find(({ activity }) => activity.name === 'gateway.request_received')?.activity.attributes;
  if (received !== undefined) return [received['http.request.method'], received['url.path']].filter(Boolean).join(' ');
  const [first] = [...call.spans.values()].sort((a, b) => a.startUs - b.startUs);
  return first === undefined ? (entries[0]?.activity.name ?? '') : titleOf(first);
}

function tokensOf(facts: Attributes): Tokens | undefined {
  const input = number(facts['gen_ai.usage.input_tokens']);
  const output = number(facts['gen_ai.usage.output_tokens']);
  if (input === undefined && output === undefined) return undefined;
  return { input, output, total: (input ?? 0) + (output ?? 0) };
}

/** From the beginning of the call, where the gateway measured it; else the model's own figure, from its request on. */
function firstTokenOf(
  facts: Attributes,
  entries: readonly Entry[],
  attempts: readonly Attempt[],
  startUs: number,
): number | undefined {
  const seconds = number(facts['gen_ai.response.time_to_first_chunk']);
  if (seconds === undefined) return undefined;
  const received = entries.find(({ activity }) => activity.name === 'gateway.request_received');
  const measuredMs = number(facts['gateway.time_to_first_chunk_ms']);
  if (received !== undefined && measuredMs !== undefined)
    return Math.max(0, timeUsOf(received.activity) - startUs) / 1_000 + measuredMs;
  const asked = attempts.findLast(({ state }) => state === 'ok');
  return seconds * 1_000 + (asked === undefined ? 0 : Math.max(0, asked.startUs - startUs) / 1_000);
}

function attemptsOf(entries: readonly Entry[]): readonly Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const { activity } of entries) {
    const { name, attributes, spanId = '' } = activity;
    if (name !== 'gateway.request_sent' && name !== 'gateway.response_received') continue;
    const attempt = number(attributes['upstream.attempt']) ?? attempts.size + 1;
    const key = `${spanId}/${attempt}`;
    const before = attempts.get(key);
    const status = number(attributes['http.response.status_code']);
    const error = text(attributes.error);
    const isAnswer = name === 'gateway.response_received';
    attempts.set(key, {
      attempt,
      host: text(attributes['upstream.host']) ?? before?.host ?? '',
      model: text(attributes['gen_ai.request.model']) ?? before?.model,
      state: !isAnswer ? 'waiting' : error !== undefined || (status ?? 0) >= 400 ? 'failed' : 'ok',
      status: status ?? before?.status,
      error,
      durationMs: number(attributes['upstream.duration_ms']) ?? before?.durationMs,
      startUs: before?.startUs ?? timeUsOf(activity),
    });
  }
  return [...attempts.values()];
}

/**
 * A span that began with the call and ends with it is the frame of the story, no step of it. Where a gateway tells what it
 * asks of whom, the span of the same request adds only when the answer was there in full.
 */
function stepsOf(call: Call, entries: readonly Entry[], firstTokenMs: number | undefined, isRunning: boolean): Step[] {
  const steps: Step[] = [];
  const hasGateway = entries.some(({ activity }) => activity.name.startsWith('gateway.'));
  for (const entry of entries) {
    const { activity, cursor } = entry;
    if (activity.kind === 'notice' || activity.name === PROGRESS) continue;
    const isOfSpan = activity.kind === 'span.start' || activity.kind === 'span.end';
    const span = isOfSpan ? call.spans.get(spanKey(activity.traceId, activity.spanId ?? '')) : undefined;
    const isRequest = hasGateway && isOfSpan && activity.attributes['http.request.method'] !== undefined;
    const isOfUpstream = isRequest && activity.spanKind === 'client';
    if (hasGateway && isOfSpan && activity.spanKind === 'server') continue;
    if (isOfUpstream && activity.kind === 'span.start') continue;
    // A span whose start was seen is told when it starts; its end only where it went wrong.
    if (!isOfUpstream && activity.kind === 'span.end' && span?.sawStart === true && !isError(activity)) continue;
    const isEnd = activity.kind === 'span.end' && !isOfUpstream && span?.sawStart !== true;
    const timeUs = isEnd ? (span?.startUs ?? 0) : timeUsOf(activity);
    const words = isOfUpstream ? upstreamWords(activity) : wordsOf(activity, span);
    const ofSpan = activity.kind === 'span.start' && span !== undefined ? OF_SPAN[span.state] : undefined;
    steps.push(stepAt(call, timeUs, { key: cursor, ...words, state: ofSpan ?? severityOf(activity), entry }));
  }
  steps.push(...streamSteps(call, entries, firstTokenMs, isRunning));
  steps.sort((a, b) => a.timeUs - b.timeUs);
  return steps.map((step, index) => ({
    ...step,
    gapMs: index === 0 ? 0 : step.offsetMs - (steps[index - 1]?.offsetMs ?? 0),
  }));
}

/** The first token, told as soon as it is known, and while it streams how far the answer has come. */
function streamSteps(
  call: Call,
  entries: readonly Entry[],
  firstTokenMs: number | undefined,
  isRunning: boolean,
): Step[] {
  const steps: Step[] = [];
  const sent = entries.findLast(({ activity }) => activity.name === 'gateway.response_sent');
  const latest = entries.findLast(({ activity }) => activity.name === PROGRESS);
  const told = sent ?? latest;
  if (firstTokenMs !== undefined && told !== undefined) {
    const words = { title: 'First token', detail: `after ${formatDuration(firstTokenMs)}`, state: 'done' } as const;
    const first = { key: `${call.callId}/first`, ...words, entry: told };
    steps.push(stepAt(call, call.startUs + firstTokenMs * 1_000, first));
  }
  if (sent === undefined && latest !== undefined) {
    const { attributes } = latest.activity;
    const bytes = number(attributes['http.response.body.size']) ?? 0;
    const detail = `${formatCount(number(attributes['gateway.chunks']) ?? 0, 'chunk')} so far, ${formatBytes(bytes)}`;
    const words = { title: '…', detail, state: isRunning ? 'running' : 'done' } as const;
    steps.push(stepAt(call, timeUsOf(latest.activity), { key: `${call.callId}/progress`, ...words, entry: latest }));
  }
  return steps;
}

/** By the name of the tool, which is no content; what was given to it and what it said is, and is not told here. */
function toolsOf(entries: readonly Entry[]): readonly string[] {
  return [...new Set(entries.flatMap(({ activity }) => toolOf(activity) ?? []))];
}

function toolOf({ kind, attributes }: Activity): string | undefined {
  if (kind !== 'span.start' && kind !== 'span.end') return undefined;
  const operation = attributes['gen_ai.operation.name'];
  return operation === undefined || operation === 'execute_tool' ? text(attributes['gen_ai.tool.name']) : undefined;
}

function stepAt(call: Call, timeUs: number, step: Omit<Step, 'timeUs' | 'offsetMs' | 'gapMs'>): Step {
  return { ...step, timeUs, offsetMs: (timeUs - call.startUs) / 1_000, gapMs: 0 };
}

function upstreamWords({ statusMessage, status, attributes }: Activity): { title: string; detail: string } {
  const code = number(attributes['http.response.status_code']);
  if (status !== 'error') return { title: 'Upstream finished', detail: '' };
  return { title: 'Upstream failed', detail: statusMessage ?? (code === undefined ? '' : String(code)) };
}

const OF_SPAN = { running: 'running', started: 'done', ok: 'done', error: 'error', lost: 'lost' } as const;

function severityOf(activity: Activity): Step['state'] {
  if (isError(activity)) return 'error';
  return activity.severity === 'warn' ? 'warn' : 'done';
}

/** While an answer streams; on the feed alone. */
const PROGRESS = 'gateway.response_progress';

const TITLES: Readonly<Record<string, string>> = {
  'gateway.request_received': 'Request received',
  'gateway.request_sent': 'Sent to upstream',
  'gateway.response_received': 'Upstream answered',
  'gateway.response_sent': 'Response sent',
};

/** The names that livespan itself writes have words of their own; for all others the summary, else the name. */
function wordsOf(activity: Activity, span: SpanRow | undefined): { title: string; detail: string } {
  const { name, summary, attributes, kind } = activity;
  const title = TITLES[name];
  if (title !== undefined) {
    const isFailed = attributes.error !== undefined && name === 'gateway.response_received';
    return { title: isFailed ? 'Upstream failed' : title, detail: gatewayDetail(name, attributes) };
  }
  const readable = name.replaceAll(/[._]+/g, ' ');
  const tool = toolOf(activity);
  const ofSpan = tool !== undefined ? `Tool ${tool}` : span === undefined ? name : titleOf(span);
  if (kind === 'span.start') return { title: ofSpan, detail: summary ?? '' };
  if (kind === 'span.end') {
    const detail = activity.statusMessage ?? summary ?? '';
    return { title: isError(activity) ? `${ofSpan} failed` : ofSpan, detail };
  }
  const exception = [attributes['exception.type'], attributes['exception.message']].filter(Boolean).join(': ');
  if (name === 'exception' && exception !== '') return { title: 'Exception', detail: exception };
  return summary === undefined ? { title: readable, detail: '' } : { title: summary, detail: name };
}

function gatewayDetail(name: string, attributes: Attributes): string {
  const at = (key: string): string => text(attributes[key]) ?? '';
  const status = number(attributes['http.response.status_code']);
  const attempt = number(attributes['upstream.attempt']) ?? 1;
  const parts: (string | undefined)[] = [];
  if (name === 'gateway.request_received') parts.push(`${at('http.request.method')} ${at('url.path')}`);
  else if (name === 'gateway.request_sent') {
    parts.push(
      `${at('gen_ai.request.model') || `${at('http.request.method')} ${at('url.path')}`} at ${at('upstream.host')}`,
    );
    parts.push(`attempt ${attempt}`);
  } else if (name === 'gateway.response_received') {
    parts.push(status === undefined ? undefined : String(status), text(attributes.error));
    parts.push(attempt > 1 ? `attempt ${attempt}` : undefined);
  } else {
    const chunks = number(attributes['gateway.chunks']);
    const bytes = number(attributes['http.response.body.size']);
    parts.push(status === undefined ? 'nothing was sent' : String(status));
    parts.push(chunks === undefined ? undefined : formatCount(chunks, 'chunk'));
    parts.push(bytes === undefined ? undefined : formatBytes(bytes));
    const tokens = tokensOf(attributes);
    if (tokens !== undefined) {
      parts.push(`${formatCount(tokens.total, 'token')} (${tokens.input ?? '?'} in, ${tokens.output ?? '?'} out)`);
    }
    const reasons = list(attributes['gen_ai.response.finish_reasons']);
    parts.push(reasons.length === 0 ? undefined : `finish reason ${reasons.join(', ')}`);
    parts.push(attributes.cancelled === true ? 'cancelled by the client' : text(attributes.error));
  }
  return parts.filter((part) => part !== undefined && part.trim() !== '').join(', ');
}

function text(value: AttributeValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function number(value: AttributeValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function list(value: AttributeValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
