import { describePeers } from '../peers/at-hand.ts';
import { providePeers } from '../peers/provide.ts';
import { provideRedis } from './redis-program.ts';

/** Once before all tests: the real programs they talk to. */
export default async function setup(): Promise<void> {
  // Where nobody looks at what was left out, nothing may be: `.ci/run` on a new machine builds them first.
  if ((process.env.CI ?? '') !== '') await providePeers((line) => console.log(line));
  for (const line of describePeers()) console.log(line);
  const redis = provideRedis((line) => console.log(line));
  if (redis.from === 'docker') process.env.LIVESPAN_TEST_REDIS_IMAGE = redis.image;
  console.log(
    redis.from === 'path' ? `redis: redis-server ${redis.version} on PATH` : `redis: ${redis.image} through Docker`,
  );
  process.env.LIVESPAN_TEST_SEED ??= String(Date.now() % 2 ** 31);
  console.log(`seed of the property tests: LIVESPAN_TEST_SEED=${process.env.LIVESPAN_TEST_SEED}`);
}
