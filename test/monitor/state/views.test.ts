import { describe, expect, it } from 'vitest';
import { groupAttributes } from '../../../src/monitor/state/conventions.ts';
import { asCurl, asJson, asMarkdown } from '../../../src/monitor/state/copy-texts.ts';
import {
  formatBytes,
  formatDuration,
  formatNumber,
  formatOffset,
  formatShare,
} from '../../../src/monitor/state/figures.ts';
import { traceBackendName, traceLink } from '../../../src/monitor/state/server-facts.ts';
import { tellCall } from '../../../src/monitor/state/story.ts';
import { layOutTrace } from '../../../src/monitor/state/trace-tree.ts';
import { rootOf } from '../../../src/monitor/state/traces.ts';
import { end, frame, START_MS, spanId, start, storeAtTime, TRACE } from '../frames.ts';

const NOW_US = (START_MS + 1_000) * 1_000;

function traceOf(apply: (add: ReturnType<typeof storeAtTime>['apply']) => void) {
  const { store, apply: add } = storeAtTime();
  apply(add);
  const trace = store.trace(TRACE);
  if (trace === undefined) throw new Error('no trace');
  return { store, trace };
}

/** A waterfall in words: indentation is depth, `*` the critical path, `?` a parent that has not arrived. */
function draw(trace: Parameters<typeof layOutTrace>[0]): string[] {
  return layOutTrace(trace, NOW_US).map(
    (node) =>
      `${'  '.repeat(node.depth)}${node.span?.name ?? '?'}${node.isCritical ? '*' : ''}${
        node.descendantCount > 0 ? ` (${node.descendantCount})` : ''
      }`,
  );
}

describe('a trace', () => {
  it('grows as it is told, keeps orphans under a placeholder until their parent comes', () => {
    const { store, trace } = traceOf((add) => {
      add(start(1, 0, { name: 'root' }), start(4, 30, { name: 'leaf', parentSpanId: spanId(3) }));
      add(start(2, 10, { name: 'child', parentSpanId: spanId(1) }));
    });
    expect(draw(trace)).toEqual(['root* (1)', '  child*', '? (1)', '  leaf*']);
    expect(trace).toMatchObject({ runningCount: 3, errorCount: 0 });
    store.enqueue([
      start(3, 20, { name: 'middle', parentSpanId: spanId(2) }),
      end(4, 50, 20, { name: 'leaf', status: 'error' }),
    ]);
    store.flush(1_000);
    expect(draw(trace)).toEqual(['root* (3)', '  child* (2)', '    middle* (1)', '      leaf*']);
    expect(trace).toMatchObject({ runningCount: 3, errorCount: 1 });
    expect(rootOf(trace)?.name).toBe('root');
  });

  it('marks the chain that decided how long it took', () => {
    const { trace } = traceOf((add) => {
      add(start(1, 0, { name: 'root' }), start(2, 0, { name: 'early', parentSpanId: spanId(1) }));
      add(start(3, 0, { name: 'beside', parentSpanId: spanId(1) }), end(2, 40, 40, { name: 'early' }));
      add(end(3, 60, 60, { name: 'beside' }), start(4, 65, { name: 'late', parentSpanId: spanId(1) }));
      add(end(4, 95, 30, { name: 'late' }), end(1, 100, 100, { name: 'root' }));
    });
    expect(draw(trace)).toEqual(['root* (3)', '  early', '  beside*', '  late*']);
  });

  it('survives spans that name themselves or each other as parents, and a depth of thousands', () => {
    const { trace } = traceOf((add) => {
      add(start(1, 0, { name: 'self', parentSpanId: spanId(1) }));
      add(start(2, 1, { name: 'a', parentSpanId: spanId(3) }), start(3, 2, { name: 'b', parentSpanId: spanId(2) }));
    });
    expect(
      draw(trace)
        .map((line) => line.trim().replace(/\W.*/, ''))
        .sort(),
    ).toEqual(['a', 'b', 'self']);
    const deep = traceOf((add) => {
      const chain = Array.from({ length: 1_900 }, (_, i) =>
        start(i + 1, i / 100, i === 0 ? {} : { parentSpanId: spanId(i) }),
      );
      add(...chain);
    });
    const nodes = layOutTrace(deep.trace, NOW_US);
    expect(nodes.at(-1)).toMatchObject({ depth: 1_899, descendantCount: 0 });
    expect(nodes[0]).toMatchObject({ descendantCount: 1_899 });
  });
});

describe('a call', () => {
  const call = { callId: 'call-8f2a' };
  const gateway = (name: string, atMs: number, attributes = {}, more = {}) =>
    frame('event', atMs, {
      ...call,
      name: `gateway.${name}`,
      service: 'gateway',
      spanId: spanId(1),
      traceId: TRACE,
      attributes,
      ...more,
    });

  it('is told in plain words, with its attempts, tokens and waits', () => {
    const { store, apply } = storeAtTime();
    apply(start(1, 0, { ...call, name: 'POST /v1/chat', spanKind: 'server' }));
    apply(gateway('request_received', 0, { 'http.request.method': 'POST', 'url.path': '/v1/chat' }));
    const asked = { 'upstream.host': 'api.example', 'gen_ai.request.model': 'gpt-4o', 'gen_ai.request.stream': true };
    apply(gateway('request_sent', 12, { ...asked, 'upstream.attempt': 1 }));
    const failed = { 'upstream.attempt': 1, 'upstream.host': 'api.example', 'http.response.status_code': 529 };
    apply(
      gateway('response_received', 100, failed, { severity: 'warn' }),
      gateway('request_sent', 110, { ...asked, 'upstream.attempt': 2 }),
    );
    apply(
      gateway('response_received', 310, {
        'upstream.attempt': 2,
        'upstream.host': 'api.example',
        'http.response.status_code': 200,
      }),
    );
    const record = store.call('call-8f2a');
    if (record === undefined) throw new Error('no call');
    const running = tellCall(record, NOW_US);
    expect(running).toMatchObject({
      state: 'running',
      streamingMs: 690,
      path: ['gateway', 'api.example'],
      model: 'gpt-4o',
    });
    const last = () =>
      tellCall(record, NOW_US)
        .steps.slice(-2)
        .map(({ title, detail }) => `${title} ${detail}`);
    const progress = (ms: number, chunks: number) =>
      gateway('response_progress', ms, {
        'gateway.chunks': chunks,
        'http.response.body.size': chunks * 100,
        'gen_ai.response.time_to_first_chunk': 0.2,
      });
    apply(progress(310, 1));
    expect(tellCall(record, NOW_US)).toMatchObject({ firstTokenMs: 310, chunks: 1, streamingMs: 690 });
    expect(last()).toEqual(['First token after 310 ms', '… 1 chunk so far, 100 B']);
    apply(progress(1_310, 42));
    expect(last()).toEqual(['First token after 310 ms', '… 42 chunks so far, 4.2 kB']);
    const usage = { 'gen_ai.usage.input_tokens': 640, 'gen_ai.usage.output_tokens': 172 };
    const sent = { 'http.response.status_code': 200, 'gateway.chunks': 43, 'http.response.body.size': 18_200 };
    apply(gateway('response_sent', 1_840, { ...usage, ...sent, 'gen_ai.response.time_to_first_chunk': 0.2 }));
    apply(end(1, 1_840, 1_840, { ...call, name: 'POST /v1/chat', spanKind: 'server' }));
    const story = tellCall(record, NOW_US);
    expect(story).toMatchObject({
      state: 'ok',
      durationMs: 1_840,
      tokens: { total: 812 },
      firstTokenMs: 310,
      chunks: 43,
    });
    expect(story.attempts.map(({ attempt, state, status }) => [attempt, state, status])).toEqual([
      [1, 'failed', 529],
      [2, 'ok', 200],
    ]);
    expect(story.steps.map(({ offsetMs, title, detail }) => `${formatOffset(offsetMs)} ${title}: ${detail}`)).toEqual([
      '00:00.000 Request received: POST /v1/chat',
      '00:00.012 Sent to upstream: gpt-4o at api.example, attempt 1',
      '00:00.100 Upstream answered: 529',
      '00:00.110 Sent to upstream: gpt-4o at api.example, attempt 2',
      '00:00.310 Upstream answered: 200, attempt 2',
      '00:00.310 First token: after 310 ms',
      '00:01.840 Response sent: 200, 43 chunks, 18.2 kB, 812 tokens (640 in, 172 out)',
    ]);
    expect(story.steps[6]?.gapMs).toBe(1_530);
    expect(story.chat).toBeUndefined();
  });

  it('names the tools that were run, which is no content, and not what was given to them', () => {
    const { store, apply } = storeAtTime();
    const tool = (name: string, args: string) => ({
      ...call,
      name: `execute_tool ${name}`,
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': name,
        'gen_ai.tool.call.arguments': args,
      },
    });
    apply(start(1, 0, { ...call, name: 'agent' }), start(2, 5, tool('get_weather', 'secret')));
    apply(end(2, 25, 20, tool('get_weather', 'secret')), end(3, 40, 10, tool('search', 'secret')));
    const record = store.call('call-8f2a');
    if (record === undefined) throw new Error('no call');
    const story = tellCall(record, NOW_US);
    expect(story.tools).toEqual(['get_weather', 'search']);
    expect(story.steps.map(({ title }) => title)).toEqual(expect.arrayContaining(['Tool get_weather', 'Tool search']));
    expect(JSON.stringify(story.steps.map(({ title, detail }) => [title, detail]))).not.toContain('secret');
  });

  it('shows prompt and answer only where they were captured, also when they were cut', () => {
    const { store, apply } = storeAtTime();
    const output = JSON.stringify([
      {
        role: 'assistant',
        parts: [
          { type: 'text', content: 'Hi' },
          { type: 'tool_call', name: 'look_up', arguments: '{"a":1}' },
        ],
      },
    ]);
    apply(
      frame('event', 0, {
        ...call,
        attributes: { 'gen_ai.input.messages': '[{"role":"us', 'gen_ai.output.messages': output },
      }),
    );
    const record = store.call('call-8f2a');
    if (record === undefined) throw new Error('no call');
    expect(tellCall(record, NOW_US).chat).toEqual({
      input: [{ role: 'unknown', parts: [{ type: 'text', content: '[{"role":"us' }] }],
      output: [
        {
          role: 'assistant',
          parts: [
            { type: 'text', content: 'Hi' },
            { type: 'tool_call', tool: 'look_up', content: '{"a":1}' },
          ],
        },
      ],
    });
  });
});

describe('services, rates and losses', () => {
  it('have rate, errors, percentiles, what runs, and instances with lost ones', () => {
    const { store, apply, setNow } = storeAtTime();
    for (let i = 0; i < 100; i += 1) {
      apply(end(i + 1, i * 10, i + 1, { instance: 'i1', ...(i < 10 && { status: 'error' }) }));
    }
    apply(start(500, 990, { instance: 'i1' }), start(501, 990, { service: 'worker', instance: 'i2' }));
    apply(frame('notice', 995, { name: 'livespan.instance_lost', instance: 'i2', service: 'worker' }));
    setNow(10_000);
    const [gateway, worker] = store.services.value;
    expect(gateway).toMatchObject({
      service: 'gateway',
      ended: 100,
      failed: 10,
      running: 1,
      p50Ms: 51,
      p95Ms: 96,
      p99Ms: 100,
    });
    expect(gateway?.rate).toBeCloseTo(10.1);
    expect(worker).toMatchObject({ running: 0, instances: [{ instance: 'i2', state: 'lost' }] });
    expect(store.rates.value.errorShare).toBe(0.1);
    expect(store.rates.value.perSecond.reduce((sum, count) => sum + count, 0)).toBe(103);
    expect(store.histogram.value.counts.reduce((sum, count) => sum + count, 0)).toBe(100);
    setNow(200_000);
    expect(store.rates.value).toMatchObject({ rate: 0, errorShare: undefined, p95Ms: undefined });
  });

  it('add up what applications say they dropped, by reason', () => {
    const { store, apply } = storeAtTime();
    const attributes = { 'livespan.dropped.total': 7, 'livespan.dropped.ring_full': 5, 'livespan.dropped.closed': 2 };
    apply(frame('notice', 0, { name: 'livespan.dropped', service: 'gateway', attributes }));
    apply(frame('notice', 1, { name: 'livespan.dropped', attributes }));
    expect(store.loss.value).toMatchObject({ dropped: 14, missed: 0 });
    expect(store.loss.value.entries[1]).toMatchObject({
      missed: 7,
      reasons: { ring_full: 5, closed: 2 },
      service: 'gateway',
    });
  });

  it('count running clocks by the clock of the applications', () => {
    const { store, apply, setNow } = storeAtTime();
    // The page is an hour ahead of the log, the application five seconds behind it.
    store.setLogClock(3_600_000);
    const late = frame('span.start', 0, { traceId: TRACE, spanId: spanId(1) });
    apply({ ...late, cursor: `${START_MS + 5_000}-1` });
    setNow(3_600_000 + 5_000 + 1_500);
    const span = store.span(TRACE, spanId(1));
    expect(span && store.elapsedMs(span, store.nowMs.value)).toBe(1_500);
  });
});

describe('texts', () => {
  it('are written for people', () => {
    expect([0.42, 4.2, 212, 999.6, 1_840, 59_960, 125_000, 3_720_000].map(formatDuration)).toEqual([
      '0.42 ms',
      '4.2 ms',
      '212 ms',
      '1.00 s',
      '1.84 s',
      '1 m 00 s',
      '2 m 05 s',
      '1 h 02 m',
    ]);
    expect([formatNumber(1_234_567), formatBytes(812), formatBytes(18_200)]).toEqual(['1,234,567', '812 B', '18.2 kB']);
    expect([0, 0.0004, 0.012, 0.5].map(formatShare)).toEqual(['0 %', '< 0.1 %', '1.2 %', '50 %']);
  });

  it('can be copied without anything in them being read as markup or as a command', () => {
    const { store, apply } = storeAtTime();
    apply(
      start(1, 0, { name: "it's `x|y`", callId: 'c' }),
      end(1, 5, 5, { name: "it's `x|y`", attributes: { 'a|b': '``z' } }),
    );
    const row = store.rows.value.at(0);
    if (row === undefined) throw new Error('no row');
    const markdown = asMarkdown(row);
    expect(markdown).toContain("### `` it's `x\\|y` ``: ok in 5.0 ms");
    expect(markdown).toContain('| `a\\|b` | ``` ``z ``` |');
    expect(JSON.parse(asJson(row))).toHaveLength(2);
    expect(asCurl(row, 'http://127.0.0.1:4319', true)).toBe(
      `curl -s -H "Authorization: Bearer $LIVESPAN_TOKEN" 'http://127.0.0.1:4319/traces/${TRACE}'`,
    );
  });

  it('say how many events of the row are not held', () => {
    const { store, apply } = storeAtTime();
    const ids = { traceId: TRACE, spanId: spanId(1) };
    apply(start(1, 0), ...Array.from({ length: 100 }, (_, i) => frame('event', 1 + i, { name: `x${i}`, ...ids })));
    const row = store.rows.value.at(0);
    if (row === undefined) throw new Error('no row');
    expect((JSON.parse(asJson(row)) as unknown[]).at(-1)).toEqual({ notHeld: 36 });
    expect(asMarkdown(row).trimEnd().split('\n').at(-1)).toBe('- 36 more events, not held');
  });

  it('group attributes by the conventions, with what they mean', () => {
    const groups = groupAttributes({
      'http.route': '/x',
      order: 7,
      'error.type': 'timeout',
      'gen_ai.request.model': 'm',
      errors: 1,
    });
    expect(groups.map(({ title, attributes }) => `${title}: ${attributes.map(({ key }) => key)}`)).toEqual([
      'Attributes: errors,order',
      'What went wrong: error.type',
      'Model: gen_ai.request.model',
      'HTTP: http.route',
    ]);
    expect(groups[3]?.attributes[0]?.explanation).toBe('Pattern that matched the path.');
    expect(groups[0]?.attributes[0]?.explanation).toBeUndefined();
  });

  it('link into the trace backend, by http only', () => {
    const config = { traceUrl: 'https://grafana.example/explore?trace={traceId}&again={traceId}' };
    expect(traceLink(config, TRACE)).toBe(`https://grafana.example/explore?trace=${TRACE}&again=${TRACE}`);
    expect([traceLink({}, TRACE), traceLink(config, undefined)]).toEqual([undefined, undefined]);
    expect(traceLink({ traceUrl: 'javascript:alert("{traceId}")' }, TRACE)).toBeUndefined();
    expect([traceBackendName(config), traceBackendName({ traceUrl: 'http://x:16686/trace/{traceId}' })]).toEqual([
      'Grafana',
      'Jaeger',
    ]);
  });
});
