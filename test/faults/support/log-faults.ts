import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './row.ts';

/** Every answered append is on disk, so that a killed Redis comes back with all of them. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];
/** Small enough to overflow within a second of load. */
const SMALL_QUEUE = 400;
/** Longer than a command may take before its connection is given up. */
const STALL_MS = 6_500;

/** What can happen to the Redis process and to what it will take. */
export const LOG_FAULTS: readonly Fault[] = [
  {
    name: 'Redis is down at the start',
    what: 'application, server and readers start first; the queue overflows; Redis comes',
    options: { queueCountMax: SMALL_QUEUE, before: (redis) => redis.kill() },
    causes: ['drops'],
    async run(world) {
      await world.dropping(200);
      await world.redis.restart();
      await world.moved();
    },
  },
  {
    name: 'kill -9, back with its data',
    what: 'appendfsync always; down until the queue overflows',
    options: { redisArgs: DURABLE, queueCountMax: SMALL_QUEUE },
    causes: ['drops'],
    async run(world) {
      await world.moved();
      await world.redis.kill();
      await world.dropping(200);
      await world.redis.restart();
      await world.moved();
    },
  },
  {
    name: 'kill -9, back with its data, twice and at once',
    what: 'the queue holds everything meanwhile',
    options: { redisArgs: DURABLE },
    async run(world) {
      for (let round = 0; round < 2; round += 1) {
        await world.moved();
        await world.redis.restart();
      }
      await world.moved();
    },
  },
  {
    name: 'kill -9, back without its data',
    what: 'no persistence',
    causes: ['reset'],
    async run(world) {
      await world.moved();
      await world.redis.restart();
      await world.moved();
    },
  },
  {
    name: 'SIGSTOP for 6.5 s',
    what: 'longer than the time limit of a command: batches are given up, sent again and recognised',
    options: { queueCountMax: 2_000 },
    causes: ['drops'],
    async run(world) {
      await world.moved();
      world.redis.pause();
      await sleep(STALL_MS);
      world.redis.resume();
      await world.dropping(0);
      await world.moved();
    },
  },
  {
    name: 'full (maxmemory, noeviction)',
    what: 'full until the queue overflows, then room again',
    options: { queueCountMax: SMALL_QUEUE },
    causes: ['drops'],
    async run(world) {
      await world.moved();
      await world.redis.cli('CONFIG', 'SET', 'maxmemory', '1');
      await world.dropping(200);
      await world.redis.cli('CONFIG', 'SET', 'maxmemory', '0');
      await world.moved();
    },
  },
  {
    name: 'read-only',
    what: 'turned into a replica, then a primary again',
    options: { queueCountMax: SMALL_QUEUE },
    causes: ['drops'],
    async run(world) {
      await world.moved();
      await world.redis.cli('REPLICAOF', '127.0.0.1', '1');
      await world.dropping(200);
      await world.redis.cli('REPLICAOF', 'NO', 'ONE');
      await world.moved();
    },
  },
  {
    name: 'wrong password',
    what: 'the password is changed under load and connections are cut; later it is set right',
    options: {
      queueCountMax: SMALL_QUEUE,
      credentials: 'livespan:right-one',
      before: (redis) => redis.cli('ACL', 'SETUSER', 'livespan', 'on', '>right-one', '~*', '&*', '+@all'),
    },
    causes: ['drops'],
    async run(world) {
      await world.moved();
      await world.redis.cli('ACL', 'SETUSER', 'livespan', 'resetpass', '>another');
      await world.redis.cli('CLIENT', 'KILL', 'USER', 'livespan');
      await world.dropping(200);
      await world.redis.cli('ACL', 'SETUSER', 'livespan', '>right-one');
      await world.moved();
    },
  },
];
