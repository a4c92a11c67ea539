import { LivespanError } from './errors.ts';
import { type OptionSpec, TABLE } from './option-table.ts';

export type OptionName = keyof typeof TABLE;
export const OPTIONS: Readonly<Record<OptionName, OptionSpec>> = TABLE;

type ValueOf<S> = S extends { type: 'flag' }
  ? boolean
  : S extends { type: 'list' }
    ? readonly string[]
    : S extends { type: 'choice'; choices: readonly (infer C)[] }
      ? C
      : S extends { type: 'text'; default: string }
        ? string
        : S extends { type: 'text' }
          ? string | undefined
          : number;

export type Options<N extends OptionName> = { [K in N]: ValueOf<(typeof TABLE)[K]> };
export type GivenOptions<N extends OptionName> = { [K in N]?: ValueOf<(typeof TABLE)[K]> | undefined };

/** `queueBytesMax` → `LIVESPAN_QUEUE_BYTES_MAX`. */
export function envName(name: OptionName): string {
  return OPTIONS[name].env ?? `LIVESPAN_${name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`;
}

/** `queueBytesMax` → `--queue-bytes-max`. */
export function flagName(name: OptionName): string {
  return `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}

/**
 * The named options: what was given in code, else the environment, else the default; each checked.
 * @throws LivespanError `invalid_option`, naming the option, where its value came from and what was expected
 */
export function readOptions<N extends OptionName>(
  names: readonly N[],
  given: GivenOptions<N> = {},
  env: NodeJS.ProcessEnv = process.env,
): Options<N> {
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const name of names) {
    const spec = OPTIONS[name];
    const own: unknown = given[name];
    const text = env[envName(name)];
    if (own !== undefined) values[name] = typeof own === 'string' ? parse(spec, own, name) : check(spec, own, name);
    else if (text !== undefined && text !== '') values[name] = parse(spec, text, envName(name));
    else values[name] = spec.default;
  }
  return values as Options<N>;
}

/**
 * What a caller gave for options: `null` is as good as nothing, which JavaScript does not say by itself.
 * @throws LivespanError `invalid_option` for what can hold no options, such as a URL alone
 */
export function givenOptions<T extends object>(given: T | null | undefined): T {
  const options: unknown = given ?? {};
  if (typeof options !== 'object') throw wrongOption('options', 'an object');
  return options as T;
}

/** For options that are no rows of the table. Without the value, which may be anything. */
export function wrongOption(option: string, expected: string): LivespanError {
  return new LivespanError('invalid_option', `${option}: the value given is not ${expected}`, { details: { option } });
}

/** Whether somebody asked for this value, in code or in the environment; else it is the table's default. */
export function isGiven(
  name: OptionName,
  given: GivenOptions<OptionName>,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  return given[name] !== undefined || (env[envName(name)] ?? '') !== '';
}

/** Other variables than ours (`OTEL_*`, `REDIS_URL`), read here because nothing else reads the environment. */
export function environment(): Readonly<NodeJS.ProcessEnv> {
  return process.env;
}

const MULTIPLIERS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  k: 1_024,
  kib: 1_024,
  mib: 1_048_576,
  gib: 1_073_741_824,
};

/** A value written as text: `4319`, `30s`, `16MiB`, `true`, `a,b`. `from` names where it came from. */
export function parse(spec: OptionSpec, text: string, from: string): unknown {
  switch (spec.type) {
    case 'integer':
      if (!/^-?\d+$/.test(text)) throw invalid(spec, text, from);
      return check(spec, Number(text), from);
    case 'ms':
    case 'bytes': {
      const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
      const unit = match?.[2]?.toLowerCase() ?? '';
      const units = spec.type === 'ms' ? ['ms', 's', 'm', 'h', 'd'] : ['k', 'kib', 'mib', 'gib'];
      const factor = unit === '' ? 1 : units.includes(unit) ? (MULTIPLIERS[unit] ?? Number.NaN) : Number.NaN;
      const value = Math.round(Number(match?.[1] ?? Number.NaN) * factor);
      if (Number.isNaN(value)) throw invalid(spec, text, from);
      return check(spec, value, from);
    }
    case 'flag':
      if (/^(1|true|yes|on)$/i.test(text)) return true;
      if (/^(0|false|no|off)$/i.test(text)) return false;
      throw invalid(spec, text, from);
    case 'list':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    default:
      return check(spec, text, from);
  }
}

function check(spec: OptionSpec, value: unknown, from: string): unknown {
  const ok =
    spec.type === 'flag'
      ? typeof value === 'boolean'
      : spec.type === 'list'
        ? Array.isArray(value) && value.every((part) => typeof part === 'string')
        : spec.type === 'choice'
          ? spec.choices.includes(value as string)
          : spec.type === 'text'
            ? typeof value === 'string' && (spec.pattern?.test(value) ?? true)
            : Number.isInteger(value) && (value as number) >= spec.min && (value as number) <= spec.max;
  if (!ok) throw invalid(spec, value, from);
  return value;
}

function invalid(spec: OptionSpec, value: unknown, from: string): LivespanError {
  const shown = spec.type === 'text' && spec.secret ? 'the value given' : JSON.stringify(value);
  return new LivespanError('invalid_option', `${from}: ${shown} is not ${expected(spec)}`, {
    details: { option: from },
  });
}

/** What the option takes, in words. */
export function expected(spec: OptionSpec): string {
  switch (spec.type) {
    case 'flag':
      return 'true or false';
    case 'list':
      return 'a list, separated by commas';
    case 'choice':
      return `one of ${spec.choices.join(', ')}`;
    case 'text':
      return spec.expected ?? 'text';
    case 'ms':
      return `a time from ${spec.min} to ${spec.max} ms (units ms, s, m, h, d)`;
    case 'bytes':
      return `a size from ${spec.min} to ${spec.max} bytes (units KiB, MiB, GiB)`;
    default:
      return `a whole number from ${spec.min} to ${spec.max}`;
  }
}
