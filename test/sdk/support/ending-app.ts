/**
 * A process that ends in the way its argument says; with livespan where LIVESPAN_URL is set, else without, so that a test
 * can compare the two. What it emits waits for `flushDelayMs`, so nothing is sent before the end.
 */
import type { Publisher } from '../../../src/sdk/publisher-contract.ts';

const [way = ''] = process.argv.slice(2);
const { emitEvent } = await import('../../../src/sdk/emitter.ts');

let publisher: Publisher | undefined;
if (process.env.LIVESPAN_URL !== undefined) {
  const { createPublisher, registerPublisher } = await import('../../../src/sdk/publisher.ts');
  publisher = createPublisher({ instance: `app-${process.pid}`, flushDelayMs: 1_000 });
  registerPublisher(publisher);
}

/** An application that takes its time to shut down, as long as a machine under load needs. */
function exitInTime(code: number): void {
  const startMs = performance.now();
  const timer = setInterval(() => {
    if (publisher === undefined || publisher.stats().queued === 0) process.exit(code);
    if (performance.now() - startMs > 10_000) process.exit(99);
  }, 10);
  timer.ref();
}

const stayAlive = () => void setInterval(() => undefined, 60_000);
const ways: Record<string, () => void> = {
  end: () => {
    process.exitCode = 4;
  },
  exit: () => process.exit(3),
  wait: stayAlive,
  'own handler': () => {
    stayAlive();
    process.on('SIGTERM', () => {
      emitEvent('app.handled');
      exitInTime(5);
    });
  },
  // What signal-exit and its like do: they end the process only where nobody else listens.
  'polite library': () => {
    stayAlive();
    process.on('SIGTERM', function listener() {
      if (process.listenerCount('SIGTERM') > 1) return;
      process.removeListener('SIGTERM', listener);
      process.kill(process.pid, 'SIGTERM');
    });
  },
  'raised again': () => {
    stayAlive();
    process.prependOnceListener('SIGTERM', () => {
      emitEvent('app.handled');
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), 100);
    });
  },
  throw: () => {
    setTimeout(() => process.stdout.write('must not run\n'), 20);
    setTimeout(() => {
      throw new TypeError('made up');
    }, 10);
  },
  reject: () => void setTimeout(() => void Promise.reject(new Error('made up')), 10),
  'reject 42': () => void setTimeout(() => void Promise.reject(42), 10),
  'throw, handled': () => {
    process.on('uncaughtException', () => {
      emitEvent('app.handled');
      exitInTime(6);
    });
    throw new Error('made up');
  },
  'beforeExit work': () => {
    process.once('beforeExit', () => {
      setTimeout(() => emitEvent('app.more'), 300);
    });
  },
};

emitEvent('app.last', { data: { way } });
ways[way]?.();
process.stdout.write('ready\n');
