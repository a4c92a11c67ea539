import { openNeverReader } from './reader.ts';
import type { Fault } from './row.ts';
import type { World } from './world.ts';

/** More than what two kernels and a server hold for one connection. */
const UNREAD_BYTES = 24_000_000;
const PADDING_BYTES = 32_000;

/** What can happen on the way, to the server and to readers. */
export const REACH_FAULTS: readonly Fault[] = [
  {
    name: 'answers lost, batches sent again',
    what: 'three times: batches are applied, their answers vanish, the connection is cut',
    async run(world) {
      for (let round = 0; round < 3; round += 1) {
        await world.moved();
        world.proxy.deafen();
        await world.until(async () => (await logLength(world)) > world.report().stats.published, 'unanswered batches');
        world.proxy.heal();
      }
      await world.moved();
    },
  },
  {
    name: 'connections cut',
    what: 'every connection of the application broken, five times',
    async run(world) {
      for (let round = 0; round < 5; round += 1) {
        world.proxy.cut();
        await world.moved(50);
      }
    },
  },
  {
    name: 'server killed with -9, again on its port',
    what: 'readers come back by themselves with their cursor',
    async run(world) {
      await world.moved();
      await world.server.kill();
      await world.server.start();
      await world.moved();
    },
  },
  {
    name: 'server with the embedded log killed with -9',
    what: 'no Redis: the application sends by HTTP and goes on with the new, empty log',
    options: { embedded: true },
    causes: ['reset'],
    async run(world) {
      await world.moved();
      await world.server.kill();
      await world.server.start();
      await world.moved();
    },
  },
  {
    name: 'server killed with -9, on with another one',
    what: 'readers take their cursor to a second server',
    async run(world) {
      await world.moved();
      const second = await world.startServer();
      await world.server.kill();
      for (const reader of world.readers) await reader.moveTo(second.url);
      await world.moved();
    },
  },
  {
    name: 'a reader that never reads',
    what: 'beside the others, while 24 MB go by; the server gives it what the kernel takes and no more',
    options: { rate: 400, paddingBytes: PADDING_BYTES },
    // So large that a busy machine may not keep up, with a queue that is bounded in bytes.
    may: ['drops'],
    async run(world) {
      const never = openNeverReader(world.server.url);
      await world.moved(Math.ceil(UNREAD_BYTES / PADDING_BYTES));
      const { readers } = (await (await fetch(`${world.server.url}/stats`)).json()) as { readers: { bytes: number } };
      const [first] = world.readers;
      const share = readers.bytes / ((first?.audit.delivered ?? 0) * PADDING_BYTES);
      never.close();
      // Three that read everything; a fourth share would have gone to the one that reads nothing.
      if (share > world.readers.length + 0.75) throw new Error(`${share} shares were given to 3 readers`);
    },
  },
  {
    name: 'the application ends while Redis is away',
    what: 'close() gives up after its time limit; the figures say what is unconfirmed and what was never sent',
    options: { closeTimeoutMs: 1_000 },
    causes: ['drops', 'unconfirmed'],
    async run(world) {
      await world.moved();
      world.proxy.stall();
      await world.until(() => world.report().stats.queued > 600, 'a queue');
      world.tell('close');
      await world.until(() => world.report().state === 'closed', 'the publisher to close');
    },
  },
];

async function logLength({ redis, feed }: World): Promise<number> {
  return Number(await redis.cli('XLEN', feed));
}
