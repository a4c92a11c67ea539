/** Reads variables by the specification's rules: empty is unset, a wrong value is told and the default holds. */
export interface EnvironmentReader {
  readonly warnings: string[];
  text(name: string): string | undefined;
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T;
  /** `none` means none; what is not known is left out. */
  list<T extends string>(name: string, choices: readonly T[], fallback: readonly T[]): readonly T[];
  flag(name: string): boolean;
  /** The first that is set decides. */
  wholeNumber(names: readonly string[], min: number, fallback: number): number;
}

export function createEnvironmentReader(env: Readonly<NodeJS.ProcessEnv>): EnvironmentReader {
  const warnings: string[] = [];

  function text(name: string): string | undefined {
    const value = env[name]?.trim();
    return value === '' ? undefined : value;
  }

  function refuse(name: string, expected: string, instead: unknown): void {
    warnings.push(`${name}=${text(name)} is not ${expected}: ${instead} is used.`);
  }

  function choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = text(name)?.toLowerCase();
    if (value === undefined) return fallback;
    const found = choices.find((one) => one === value);
    if (found === undefined) refuse(name, `one of ${choices.join(', ')}`, fallback);
    return found ?? fallback;
  }

  function list<T extends string>(name: string, choices: readonly T[], fallback: readonly T[]): readonly T[] {
    const value = text(name);
    if (value === undefined) return fallback;
    const asked = [...new Set(value.split(',').map((part) => part.trim().toLowerCase()))].filter((part) => part !== '');
    const known = choices.filter((one) => asked.includes(one));
    const unknown = asked.filter((part) => part !== 'none' && !choices.some((one) => one === part));
    if (unknown.length > 0) {
      warnings.push(`${name}: ${unknown.join(', ')} is not supported here (${choices.join(', ')}, none) and left out.`);
    }
    if (asked.includes('none') && known.length > 0) warnings.push(`${name}: "none" beside others is left out.`);
    return known;
  }

  function wholeNumber(names: readonly string[], min: number, fallback: number): number {
    const name = names.find((one) => text(one) !== undefined);
    if (name === undefined) return fallback;
    const value = text(name) ?? '';
    if (/^\d+$/.test(value) && Number(value) >= min) return Number(value);
    refuse(name, `a whole number from ${min}`, fallback);
    return fallback;
  }

  return {
    warnings,
    text,
    choice,
    list,
    wholeNumber,
    flag: (name) => choice(name, ['true', 'false'], 'false') === 'true',
  };
}
