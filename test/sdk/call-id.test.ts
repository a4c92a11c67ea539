import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, describe, expect, test } from 'vitest';
import { callIdOf, setCallId, withCallId } from '../../src/sdk/call-id.ts';

const current = (): string | undefined => callIdOf(context.active());

describe.each(['without a context manager', 'with one'])('call ids, %s', (set) => {
  afterEach(() => context.disable());
  const setUp = (): void => {
    if (set === 'with one') context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  };

  test('hold inside, also after awaits, and nowhere else', async () => {
    setUp();
    const before = current();
    const seen = await Promise.all(
      ['a', 'b'].map((id) =>
        withCallId(id, async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          return [current(), withCallId('inner', current), current()];
        }),
      ),
    );
    expect(seen).toEqual([
      ['a', 'inner', 'a'],
      ['b', 'inner', 'b'],
    ]);
    expect(current()).toBe(before);
  });

  test('set by a helper hold for the whole call, and not for its sibling', async () => {
    setUp();
    const helper = async (id: string): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      setCallId(id);
    };
    const seen = await Promise.all(
      ['c', 'd'].map((id) =>
        withCallId('first', async () => {
          await helper(id);
          return current();
        }),
      ),
    );
    expect(seen).toEqual(['c', 'd']);
    expect(callIdOf(ROOT_CONTEXT)).toBe(undefined);
  });

  test('set outside of any call stay with the execution that set them', async () => {
    setUp();
    const run = async (id: string): Promise<string | undefined> => {
      await null;
      setCallId(id);
      await null;
      const inner = withCallId('inner', current);
      return `${inner} ${current()}`;
    };
    expect(await Promise.all([run('e'), run('f')])).toEqual(['inner e', 'inner f']);
  });
});
