import { access } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { type RedisServer, startRedis } from './redis.ts';

let redis: RedisServer | undefined;
afterEach(() => redis?.stop());

test('a redis-server of our own starts, dies, comes back on its port and leaves nothing behind', async () => {
  redis = await startRedis();
  expect(await redis.cli('PING')).toBe('PONG');
  await redis.cli('SET', 'a', '1');
  await redis.kill();
  await expect(redis.cli('PING')).rejects.toThrow(/refused/i);
  await redis.restart();
  expect(await redis.cli('GET', 'a')).toBe('');
  const { pid, dir } = redis;
  await redis.stop();
  await redis.stop();
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  await expect(access(dir)).rejects.toThrow(/ENOENT/);
});
