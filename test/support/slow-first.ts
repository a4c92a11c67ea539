import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those that take longest: begun last, one of them would run when everything else is over. */
const SLOW = [
  'test/peers/pipeline-faults.test.ts',
  'test/compose/dockerfile.test.ts',
  'test/package/package.test.ts',
  'test/monitor/browser/states.test.ts',
  'test/faults/data-faults.test.ts',
  'test/faults/reach-faults.test.ts',
  'test/monitor/browser/replay.test.ts',
  'test/peers/pipeline.test.ts',
  'test/monitor/browser/sentences.test.ts',
  'test/monitor/browser/features.test.ts',
  'test/monitor/feed/follow.test.ts',
  'test/monitor/browser/connections.test.ts',
  'test/peers/faults.test.ts',
];

/** The slow files first, also in a new clone, where vitest does not know yet how long each takes. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = SLOW.indexOf(relative(this.ctx.config.root, moduleId));
      return at < 0 ? SLOW.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
