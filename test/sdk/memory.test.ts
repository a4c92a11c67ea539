import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { PublisherStats } from '../../src/sdk/publisher-contract.ts';
import { difference } from './support/reading.ts';

const APP = fileURLToPath(new URL('./support/filling-app.ts', import.meta.url));
const MIB = 1_048_576;
/** Code compiled and objects made meanwhile that are not the ring's. */
const SLACK_BYTES = 3 * MIB;

test.each(['typical', 'short texts', 'wide texts', 'cut texts'])(
  'a full ring takes at most 16 MiB of real heap and does not grow: %s',
  async (shape) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', APP, shape], {
      env: { PATH: process.env.PATH ?? '' },
    });
    const { filledBytes, endBytes, stats } = JSON.parse(stdout) as {
      filledBytes: number;
      endBytes: number;
      stats: PublisherStats;
    };
    expect(stats.queued).toBeGreaterThan(1_000);
    expect(stats.dropped.queue_full).toBe(stats.emitted - stats.queued);
    expect(difference(stats)).toBe(0);
    expect(filledBytes).toBeLessThan(16 * MIB + SLACK_BYTES);
    expect(endBytes).toBeLessThan(filledBytes + SLACK_BYTES);
  },
);
