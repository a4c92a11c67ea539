import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinParts } from '../../src/feed/live-feed.ts';
import { createRing } from '../../src/feed/ring.ts';
import { cases } from '../support/cases.ts';
import { SimulatedLog } from './support/simulated-log.ts';
import { SimulatedReader } from './support/simulated-reader.ts';

/** All that can happen next; each is one step of the world. */
const STEPS = {
  append: (world: World) => world.log.appendOne(),
  trim: (world: World) => world.log.trimOne(),
  run: (world: World) => void world.log.runCall(),
  reply: (world: World) => void world.log.reply(),
  deliver: (world: World) => void world.log.deliver(),
  lose: (world: World) => world.log.lose(),
  duplicate: (world: World) => world.log.deliverTwice(),
  reconnect: (world: World) => world.log.reconnect(),
  recreate: (world: World) => world.log.recreate(),
  read: (world: World) => world.reader.pull(),
  resume: (world: World) => world.reader.resume(),
  junk: (world: World) => world.log.appendJunk(),
} as const;
type Step = keyof typeof STEPS;
const NAMES = Object.keys(STEPS) as Step[];

interface World {
  log: SimulatedLog;
  /** Reads when the history says so. */
  reader: SimulatedReader;
  /** Reads after every step. */
  eager: SimulatedReader;
}

const NEVER_MS = 2 ** 30;
const RING_COUNT_MAX = 3;
const PAGE_MAX = 2;
/** Far above what any history needs to come to rest. */
const SETTLE_STEPS_MAX = 2_000;

/** Everything that can happen without another outside event: all of it is promises, which this lets run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lives through a history, lets everything come to rest, and says what was wrong. */
async function live(steps: readonly Step[]): Promise<string | undefined> {
  const log = new SimulatedLog(PAGE_MAX);
  const feed = joinParts(
    log,
    createRing({ countMax: RING_COUNT_MAX, bytesMax: Number.POSITIVE_INFINITY }),
    { countMax: RING_COUNT_MAX, bytesMax: Number.POSITIVE_INFINITY },
    NEVER_MS,
  );
  const reader = new SimulatedReader(feed, log);
  const eager = new SimulatedReader(feed, log);
  const world = { log, reader, eager };
  feed.start().catch(() => undefined);
  await settle();
  for (const step of steps) {
    STEPS[step](world);
    await settle();
    eager.pull();
    await settle();
  }
  const rest = async (): Promise<void> => {
    for (let still = 0, count = 0; still < 3 && count < SETTLE_STEPS_MAX; count++) {
      still = log.deliver() || log.runCall() || log.reply() ? 0 : still + 1;
      reader.pull();
      eager.pull();
      await settle();
    }
  };
  await rest();
  // What was lost without anything coming after it shows at the next check; a reconnection makes one.
  log.reconnect();
  await rest();
  const ended = reader.idle && eager.idle && log.waitingCalls === 0;
  for (const one of [reader, eager]) {
    one.pull();
    one.close();
  }
  const closing = feed.close();
  while (log.runCall() || log.reply()) await settle();
  await closing;
  if (!ended) return reader.problem ?? eager.problem ?? 'it never came to rest';
  return reader.checkEnd() ?? eager.checkEnd();
}

describe('the hand-over from replay to live', () => {
  it('tells every reader everything once and in order, in every order of events up to a depth', async () => {
    // The feed is up, two entries are in the log and a reader is on its way: the interesting part begins.
    const start: Step[] = ['run', 'reply', 'append', 'append', 'run', 'reply', 'run', 'reply', 'append'];
    const depth = 3;
    let count = 0;
    for (let code = 0; code < NAMES.length ** depth; code++) {
      const steps: Step[] = [];
      for (let rest = code, at = 0; at < depth; at++, rest = Math.floor(rest / NAMES.length)) {
        steps.push(NAMES[rest % NAMES.length] as Step);
      }
      const problem = await live([...start, ...steps]);
      expect(problem, steps.join(' ')).toBeUndefined();
      count += 1;
    }
    expect(count).toBe(NAMES.length ** depth);
  });

  it('and in random orders beyond it', async () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom<Step>('append', 'run', 'reply', 'deliver', 'read') },
      { weight: 3, arbitrary: fc.constantFrom<Step>('trim', 'lose', 'duplicate', 'resume') },
      { weight: 1, arbitrary: fc.constantFrom<Step>('reconnect', 'recreate', 'junk') },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
        expect(await live(steps)).toBeUndefined();
      }),
      cases(1_500),
    );
  });
});
