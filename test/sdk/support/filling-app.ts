/** Fills the ring three times over while no log is there; prints what that costs in heap. Needs `--expose-gc`. */
import { emitEvent } from '../../../src/sdk/emitter.ts';
import { createPublisher, registerPublisher } from '../../../src/sdk/publisher.ts';

const [shape = ''] = process.argv.slice(2);
const keys = Array.from({ length: 40 }, (_, index) => `key.number.${index}`);
const shapes: Record<string, (index: number) => Record<string, unknown>> = {
  typical: (index) => ({ model: 'gpt-4o', stream: true, attempt: index, host: `api${index}.example.com` }),
  'short texts': (index) => Object.fromEntries(keys.map((key) => [key, `value ${index} ${key}`])),
  'wide texts': (index) => ({ text: `漢字${index}`.repeat(300) }),
  'cut texts': (index) => ({ text: `${index} ${'x'.repeat(1e5)}` }),
};
const shapeOf = shapes[shape] ?? (() => ({}));
const count = shape === 'cut texts' ? 5_000 : 60_000;

const publisher = createPublisher({ url: 'http://127.0.0.1:9' });
registerPublisher(publisher);
const collect = globalThis.gc ?? (() => undefined);
const heapBytes = (): number => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
const beforeBytes = heapBytes();
let filledBytes = 0;
for (let index = 0; index < count; index += 1) {
  emitEvent('a.b', { summary: `Event ${index}`, callId: `call-${index}`, data: shapeOf(index) });
  if (index % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  if (index === count / 2) filledBytes = heapBytes() - beforeBytes;
}
process.stdout.write(JSON.stringify({ filledBytes, endBytes: heapBytes() - beforeBytes, stats: publisher.stats() }));
process.exit();
