import { provideRedis } from './redis-program.ts';

/** Once before all tests: the real programs they talk to. */
export default function setup(): void {
  const redis = provideRedis((line) => console.log(line));
  if (redis.from === 'docker') process.env.LIVESPAN_TEST_REDIS_IMAGE = redis.image;
  console.log(
    redis.from === 'path' ? `redis: redis-server ${redis.version} on PATH` : `redis: ${redis.image} through Docker`,
  );
  process.env.LIVESPAN_TEST_SEED ??= String(Date.now() % 2 ** 31);
  console.log(`seed of the property tests: LIVESPAN_TEST_SEED=${process.env.LIVESPAN_TEST_SEED}`);
}
