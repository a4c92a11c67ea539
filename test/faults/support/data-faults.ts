import type { Fault } from './row.ts';
import type { World } from './world.ts';

const ROUNDS = 20;

/** What others do to the data of the log while it is used. */
export const DATA_FAULTS: readonly Fault[] = [
  {
    name: 'FLUSHALL under load, three times',
    what: 'by another client, at any moment',
    causes: ['reset'],
    async run(world) {
      for (let round = 0; round < 3; round += 1) {
        await world.moved();
        await world.redis.cli('FLUSHALL');
      }
      await world.moved();
    },
  },
  {
    name: 'XTRIM under load',
    what: `down to one entry, ${ROUNDS} times: live readers have it from memory`,
    async run(world) {
      for (let round = 0; round < ROUNDS; round += 1) {
        await world.moved(20);
        await world.redis.cli('XTRIM', world.feed, 'MAXLEN', '1');
      }
      await world.moved();
    },
  },
  {
    name: 'XTRIM while the server is away',
    what: 'the server is killed with -9, the log cut to 50 entries, the server started again',
    causes: ['gap'],
    async run(world) {
      await world.moved();
      await world.server.kill();
      await appended(world, 500);
      await world.redis.cli('XTRIM', world.feed, 'MAXLEN', '50');
      await world.server.start();
      await world.moved();
    },
  },
  {
    name: 'FLUSHALL while the server is away',
    what: 'the server is killed with -9, 500 more are published, all data is deleted, the server started again',
    causes: ['reset', 'loss'],
    async run(world) {
      await world.moved();
      await world.server.kill();
      await appended(world, 500);
      await world.redis.cli('FLUSHALL');
      await appended(world, 1);
      await world.server.start();
      await world.moved();
    },
  },
  {
    name: 'a foreign key under our name, from the start',
    what: 'a string where the stream should be, deleted later',
    options: { queueCountMax: 600, before: (redis, feed) => redis.cli('SET', feed, 'theirs') },
    causes: ['drops'],
    async run(world) {
      await world.dropping(200);
      await world.redis.cli('DEL', world.feed);
      await world.moved();
    },
  },
  {
    name: 'a foreign key put over the log',
    what: 'SET over the stream under load, deleted later; the counter lives on',
    options: { queueCountMax: 600 },
    causes: ['drops'],
    async run(world) {
      await world.moved();
      await world.redis.cli('SET', world.feed, 'theirs');
      await world.dropping(200);
      await world.redis.cli('DEL', world.feed);
      await world.moved();
    },
  },
  {
    name: 'foreign junk in stream and channel',
    what: `entries without or with a broken activity, and messages that are none, ${ROUNDS} times each`,
    async run(world) {
      for (let round = 0; round < ROUNDS; round += 1) {
        await world.redis.cli('XADD', world.feed, '*', 'theirs', 'junk');
        await world.redis.cli('XADD', world.feed, '*', 'activity', '{"id":"broken');
        await world.redis.cli('PUBLISH', world.feed, 'junk');
        await world.redis.cli('PUBLISH', world.feed, '{"cursor":"99999999999999-9999999","id":"x"}');
        await world.moved(10);
      }
      await world.moved();
    },
  },
  {
    name: 'bad data',
    what: 'cycles, throwing getters and proxies, 10 MB of text, 10,000 keys, lone surrogates, __proto__, NaN, bigint, symbols, data changed after the call',
    causes: ['drops'],
    async run(world) {
      await world.moved();
      world.tell('hostile');
      await world.moved();
    },
  },
];

/** Until the log took so many more, whoever reads. */
async function appended(world: World, count: number): Promise<void> {
  const published = world.report().stats.published + count;
  await world.until(() => world.report().stats.published >= published, 'the log to move');
}
