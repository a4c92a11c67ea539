import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { attempt, guarded } from '../../src/sdk/guard.ts';

const fails = () => {
  throw new Error('of ours');
};

afterEach(() => diag.disable());

describe('a hook in the code of the application', () => {
  it('never throws, and says what failed to diagnostics', () => {
    const said: unknown[][] = [];
    const say = (...args: unknown[]) => void said.push(args);
    diag.setLogger({ error: say, warn: say, info: say, debug: say, verbose: say }, DiagLogLevel.ALL);
    said.length = 0;
    expect(guarded('a hook', fails)()).toBeUndefined();
    expect(attempt('a choice', fails, 'fallback')).toBe('fallback');
    expect(JSON.stringify(said)).toMatch(/a hook failed.*of ours.*a choice failed/);
  });

  it('never throws when the diagnostics do', () => {
    diag.setLogger(
      { error: fails, warn: fails, info: () => undefined, debug: fails, verbose: fails },
      DiagLogLevel.WARN,
    );
    expect(() => guarded('a hook', fails)()).not.toThrow();
  });
});
