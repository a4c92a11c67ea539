import type { PublisherStats } from '../../../src/sdk/publisher-contract.ts';
import type { Reader } from './reader.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

/** One fault: what is done to a world under load, and what its row must show. */
export interface Fault {
  name: string;
  /** What is done, in a sentence, for the table. */
  what: string;
  options?: WorldOptions;
  run(world: World): Promise<void>;
  /** What the fault must have caused. */
  causes?: readonly Effect[];
  /** What it may cause besides; nothing else may be lost or told. */
  may?: readonly Effect[];
}

/** `drops` are told by notices, `gap` and `reset` by control messages; `repeats` come only with a log that lost its data. */
export type Effect = 'drops' | 'gap' | 'reset' | 'loss' | 'repeats' | 'unconfirmed';

export interface FaultRow {
  name: string;
  what: string;
  rate: number;
  stats: PublisherStats;
  /** Worst reader. */
  delivered: number;
  repeated: number;
  missed: number;
  lost: number;
  told: { dropped: number; droppedByReason: Record<string, number>; gaps: number; resets: number };
  /** Everything that is wrong with the row. */
  problems: string[];
}

/**
 * Runs the fault under load and does the sums for every reader.
 * @param usual options where the fault has none of its own
 */
export async function runFault(fault: Fault, usual: WorldOptions = {}): Promise<FaultRow> {
  const world = await startWorld({ ...usual, ...fault.options });
  try {
    world.tell('start');
    await fault.run(world);
    if (world.report().state !== 'closed') await settle(world);
    const entries = await countEntries(world);
    await world.until(
      () => world.readers.every((reader) => hasSeen(reader, entries)),
      'the readers to have everything',
    );
    return judge(fault, world, entries);
  } finally {
    await world.close();
  }
}

/** Ends the load, then waits until everything is confirmed or dropped. */
async function settle(world: World): Promise<void> {
  world.tell('stop');
  await world.until(() => world.report().state === 'stopped', 'the load to end');
  await world.until(() => world.report().stats.queued === 0, 'the queue to empty');
}

/** The reader's place is that of the newest entry, by its dense number. */
function hasSeen({ cursor }: Reader, entries: number): boolean {
  return Number(cursor.slice(cursor.indexOf('-') + 1)) === entries;
}

/** What the log has numbered since it was created. */
async function countEntries({ redis, feed, embedded, server }: World): Promise<number> {
  if (!embedded) return Number(await redis.cli('HGET', `{${feed}}:meta`, 'n'));
  const { log } = (await (await fetch(`${server.url}/stats`)).json()) as { log: { last: string } };
  return Number(log.last.split('-')[1]);
}

function judge(fault: Fault, world: World, entries: number): FaultRow {
  const { stats, worstDifference, thrown } = world.report();
  const { emitted, published, queued, dropped } = stats;
  const dropCount = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  const problems = thrown.map((error) => `emitEvent threw ${error}`);
  const expect = (holds: boolean, what: string): void => {
    if (!holds) problems.push(what);
  };
  expect(worstDifference === 0, `the application's figures were off by ${worstDifference} at some moment`);
  expect(queued === 0, `${queued} are still queued`);
  expect(emitted === published + dropCount, `emitted ${emitted} is not published ${published} + dropped ${dropCount}`);

  for (const { name, audit } of world.readers) {
    const { delivered, toldDropped, missed, lost, resets } = audit;
    for (const problem of audit.problems) problems.push(`${name}: ${problem}`);
    // What was sent and not answered when the application ended may have arrived or not.
    const unsure = dropped.unconfirmed + dropped.closed;
    const sum = delivered + toldDropped + missed + lost;
    if (unsure === 0) expect(sum === emitted, `${name}: ${emitted} emitted, and delivered + told + lost make ${sum}`);
    else expect(sum >= emitted - unsure && sum <= emitted, `${name}: ${sum} of ${emitted}, ${unsure} unsure`);
    if (resets === 0) {
      expect(lost === 0, `${name}: ${lost} are gone without a word`);
      expect(
        audit.entries + missed === entries,
        `${name}: saw ${audit.entries} of ${entries} entries, missed ${missed}`,
      );
      expect(toldDropped === dropCount - unsure, `${name}: ${dropCount} dropped, ${toldDropped} told`);
    }
  }
  const [worst] = [...world.readers].sort((a, b) => a.audit.delivered - b.audit.delivered);
  if (worst === undefined) throw new Error('no reader');
  const { audit } = worst;
  const seen: Record<Effect, boolean> = {
    drops: dropCount > 0,
    gap: world.readers.some((reader) => reader.audit.gaps > 0),
    reset: world.readers.some((reader) => reader.audit.resets > 0),
    loss: world.readers.some((reader) => reader.audit.lost > 0),
    repeats: world.readers.some((reader) => reader.audit.repeated > 0),
    unconfirmed: dropped.unconfirmed + dropped.closed > 0,
  };
  const { causes = [], may = [] } = fault;
  // A log that lost its data may take what nobody had read yet with it, or have an answer's batch twice: by chance.
  const chance: Effect[] = causes.includes('reset') ? ['loss', 'repeats'] : [];
  const allowed = new Set<Effect>([...causes, ...may, ...chance]);
  for (const effect of causes) expect(seen[effect], `the fault caused no ${effect}`);
  for (const [effect, happened] of Object.entries(seen)) {
    expect(!happened || allowed.has(effect as Effect), `the fault caused ${effect}`);
  }
  return {
    name: fault.name,
    what: fault.what,
    rate: world.rate,
    stats,
    delivered: audit.delivered,
    repeated: audit.repeated,
    missed: audit.missed,
    lost: audit.lost,
    told: {
      dropped: audit.toldDropped,
      droppedByReason: audit.droppedByReason,
      gaps: audit.gaps,
      resets: audit.resets,
    },
    problems,
  };
}
