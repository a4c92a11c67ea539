import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-node';
import { afterEach, describe, expect, test } from 'vitest';
import { LiveSpanExporter } from '../../src/sdk/live-span-exporter.ts';
import { LiveSpanProcessor } from '../../src/sdk/live-span-processor.ts';
import { registerPublisher } from '../../src/sdk/publisher-registry.ts';
import type { ExportOutcome, FinishedSpan } from '../../src/sdk/span-types.ts';
import { createRecordingPublisher } from './support/recording-publisher.ts';
import { LINES } from './support/sdk-lines.ts';

afterEach(() => registerPublisher(undefined));

describe.each(LINES)('LiveSpanExporter on the $name line', (line) => {
  test('gives finished spans and their events', async () => {
    const { publisher, activities } = createRecordingPublisher();
    const processor = line.batch(new LiveSpanExporter(publisher));
    const span = line.tracer({ processors: [processor] }).startSpan('work');
    span.addEvent('step');
    span.end();
    await processor.forceFlush();
    expect(activities.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['event step', 'span.end work']);
    await processor.shutdown();
  });

  test('beside the processor gives no span twice, also where the mark finds no room', () => {
    const { publisher, activities } = createRecordingPublisher();
    const processors = [new LiveSpanProcessor(publisher), line.simple(new LiveSpanExporter(publisher))];
    line.tracer({ processors }).startSpan('a').end();
    line
      .tracer({ processors, spanLimits: { attributeCountLimit: 1 } })
      .startSpan('b', { attributes: { full: 1 } })
      .end();
    line
      .tracer({ processors, resource: { 'livespan.direct': true } })
      .startSpan('c')
      .end();
    expect(activities.map(({ kind, name }) => `${kind} ${name}`)).toEqual(
      ['a', 'b', 'c'].flatMap((name) => [`span.start ${name}`, `span.end ${name}`]),
    );
  });

  test('gives what the processor filtered out', () => {
    const { publisher, activities } = createRecordingPublisher();
    const processors = [
      new LiveSpanProcessor(publisher, { filter: ({ name }) => name !== 'b' }),
      line.simple(new LiveSpanExporter(publisher)),
    ];
    const tracer = line.tracer({ processors });
    tracer.startSpan('a').end();
    tracer.startSpan('b').end();
    expect(activities.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['span.start a', 'span.end a', 'span.end b']);
  });
});

function finishedSpans(): FinishedSpan[] {
  const [line] = LINES;
  const memory = new InMemorySpanExporter();
  line
    ?.tracer({ processors: [line.simple(memory)] })
    .startSpan('work')
    .end();
  return memory.getFinishedSpans();
}

test('answers each export once, also where the publisher fails or is missing, and after shutdown', async () => {
  const spans = finishedSpans();
  expect(spans).toHaveLength(1);
  const answers = (exporter: LiveSpanExporter): ExportOutcome[] => {
    const outcomes: ExportOutcome[] = [];
    exporter.export(spans, (outcome) => outcomes.push(outcome));
    return outcomes;
  };
  const recording = createRecordingPublisher();
  const exporter = new LiveSpanExporter(recording.publisher);
  expect(answers(exporter)).toEqual([{ code: 0 }]);
  const broken = {
    ...recording.publisher,
    publish: () => {
      throw new Error('broken');
    },
  };
  expect(answers(new LiveSpanExporter(broken))).toMatchObject([{ code: 1, error: { message: 'broken' } }]);
  expect(answers(new LiveSpanExporter())).toMatchObject([{ code: 1 }]);
  registerPublisher(recording.publisher);
  expect(answers(new LiveSpanExporter())).toEqual([{ code: 0 }]);
  await exporter.forceFlush();
  await exporter.shutdown();
  expect(recording.flushes).toBe(2);
  expect(answers(exporter)).toMatchObject([{ code: 1 }]);
  expect(recording.activities).toHaveLength(2);
});
