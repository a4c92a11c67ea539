import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import { openBus } from '../../src/bus/open-bus.ts';
import { type RedisServer, startRedis, uniqueFeed } from '../support/redis.ts';
import { runContract } from './contract-suite.ts';

const none = async (): Promise<void> => undefined;

runContract({ name: 'memory', start: none, stop: none, open: async () => createMemoryBus() });

runContract({
  name: 'memory, shared in the process',
  start: none,
  stop: none,
  open: () => openBus({ url: 'memory:', feed: uniqueFeed() }),
});

let redis: RedisServer;
runContract({
  name: 'Redis',
  start: async () => {
    redis = await startRedis();
  },
  stop: () => redis.stop(),
  open: () => openBus({ url: redis.url, feed: uniqueFeed() }),
});

/** As the documentation of `createRedisBus` lists them. */
const NEEDED_COMMANDS =
  '+hello +select +eval +evalsha +subscribe +ping +publish +time +xadd +xtrim +xrange +xrevrange +xinfo|stream +hset +hget +hmget +hgetall +hlen +hdel +pexpire +zadd +zscore +zremrangebyscore +zremrangebyrank';

runContract({
  name: 'Redis, as a user with no more than the documented permissions, in database 3',
  start: async () => {
    redis = await startRedis();
    const rules = `on >pass:word ~livespan:* ~{livespan:* &livespan:* -@all ${NEEDED_COMMANDS}`;
    await redis.cli('ACL', 'SETUSER', 'livespan', ...rules.split(' '));
  },
  stop: () => redis.stop(),
  open: () => openBus({ url: `redis://livespan:pass%3Aword@127.0.0.1:${redis.port}/3`, feed: uniqueFeed() }),
});
