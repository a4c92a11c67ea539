import { describe, expect, it } from 'vitest';
import { readArguments } from '../../src/cli/arguments.ts';
import { serve } from '../../src/cli/serve.ts';
import { nearest } from '../../src/cli/suggestion.ts';
import { tail } from '../../src/cli/tail.ts';
import { OPTIONS } from '../../src/config.ts';

describe('reading the command line', () => {
  it('takes every type of option, from the table', () => {
    const args = ['--port', '0', '--log-bytes-max=16MiB', '--heartbeat-ms', '2s', '--no-otlp', '--overrun', 'skip'];
    expect(readArguments(serve, args).given).toEqual({
      port: 0,
      logBytesMax: 16 * 1_048_576,
      heartbeatMs: 2_000,
      otlp: false,
      overrun: 'skip',
    });
    expect(readArguments(serve, ['--otlp']).given).toEqual({ otlp: true });
    expect(readArguments(serve, ['--otlp=false', '--json'])).toMatchObject({
      given: { otlp: false },
      own: { json: true },
    });
    const hosts = ['--allowed-host', 'a,b', '--allowed-host=c'];
    expect(readArguments(serve, hosts).given).toEqual({ allowedHost: ['a', 'b', 'c'] });
  });

  it('has a flag for each option of the server', () => {
    const names = Object.entries(OPTIONS).filter(([, spec]) => spec.scope.includes('server'));
    expect([...serve.options].sort()).toEqual(names.map(([name]) => name).sort());
  });

  it('takes a filter that begins with a dash', () => {
    expect(readArguments(tail, ['-name:health', 'severity:>=warn', '--json', '--', '-x'])).toMatchObject({
      operands: ['-name:health', 'severity:>=warn', '-x'],
      own: { json: true },
    });
    expect(readArguments(tail, ['-h'])).toMatchObject({ help: true });
  });

  it.each([
    [['--port'], '--port needs a value'],
    [['--port', '--json'], '--port needs a value'],
    [['--port', '70000'], '--port: 70000 is not a whole number from 0 to 65535'],
    [['--port', 'x'], '--port: "x" is not a whole number from 0 to 65535'],
    [['--heartbeat-ms', '5q'], '--heartbeat-ms: "5q" is not a time'],
    [['--overrun', 'wait'], '--overrun: "wait" is not one of catch-up, skip, sample, disconnect'],
    [['--otlp=perhaps'], '--otlp: "perhaps" is not true or false'],
    [['--json=yes'], '--json takes no value'],
    [['--prot', '1'], 'unknown flag --prot; did you mean --port?'],
    [['--no-port'], 'unknown flag --no-port'],
    [['--something-else'], 'unknown flag --something-else; livespan serve --help lists the flags'],
    [['-x'], 'unknown flag -x'],
    [['extra'], 'unexpected "extra"'],
  ])('%j is wrong use', (args, message) => {
    expect(() => readArguments(serve, args)).toThrowError(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(message) }),
    );
  });

  it('never repeats a secret', () => {
    expect(() => readArguments(serve, ['--token', 'short'])).toThrowError(
      /^(?!.*short).*--token: the value given is not/,
    );
  });
});

describe('guessing what was meant', () => {
  it.each([
    ['srve', 'serve'],
    ['tial', 'tail'],
    ['docter', 'doctor'],
    ['zzz', undefined],
    ['x', undefined],
  ])('%s', (typed, meant) => expect(nearest(typed, ['serve', 'tail', 'doctor', 'start', 'stop'])).toBe(meant));
});
