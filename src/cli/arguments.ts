import { type ParseArgsConfig, parseArgs } from 'node:util';
import { flagName, type GivenOptions, OPTIONS, type OptionName, parse } from '../config.ts';
import { LivespanError } from '../errors.ts';
import type { Command } from './command.ts';
import { nearest } from './suggestion.ts';

export interface Arguments {
  help: boolean;
  given: GivenOptions<OptionName>;
  own: Record<string, string | true>;
  operands: string[];
}

/** Wrong use of the command line: exit code 2. */
export function usageError(message: string): LivespanError {
  return new LivespanError('invalid_option', message);
}

/**
 * Reads what follows the command's name; flags come from the option table and the command.
 * @throws LivespanError `invalid_option`
 */
export function readArguments(command: Command, args: readonly string[]): Arguments {
  const result: Arguments = { help: false, given: {}, own: {}, operands: [] };
  const given: Partial<Record<OptionName, unknown>> = {};
  const tableNames = new Map(command.options.map((name) => [flagName(name).slice(2), name]));
  const own = new Map(command.ownOptions.map((option) => [option.name, option]));
  const { tokens } = parseArgs({
    args: command.takesFilter ? protectFilters(args) : [...args],
    options: flagTypes(command),
    strict: false,
    allowPositionals: true,
    allowNegative: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === 'positional') result.operands.push(unprotect(token.value));
    if (token.kind !== 'option') continue;
    const negative = token.rawName.startsWith('--no-') && !own.has(token.name);
    const name = negative && token.name.startsWith('no-') ? token.name.slice(3) : token.name;
    const option = tableNames.get(name);
    const ownOption = own.get(name);
    if (name === 'help' || name === 'h') result.help = true;
    else if (option !== undefined && OPTIONS[option].type === 'flag') {
      given[option] = token.value === undefined ? !negative : parse(OPTIONS[option], token.value, token.rawName);
    } else if (option !== undefined && !negative) {
      const value = parse(OPTIONS[option], textOf(token), token.rawName);
      // A list may be given in one piece or flag by flag.
      const before = given[option];
      given[option] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
    } else if (ownOption !== undefined && ownOption.value !== undefined) result.own[name] = textOf(token);
    else if (ownOption !== undefined && token.value === undefined) result.own[name] = true;
    else if (ownOption !== undefined) throw usageError(`${token.rawName} takes no value`);
    else throw unknownFlag(token.rawName, command);
  }
  if (!result.help && result.operands.length > command.operandsMax) {
    throw usageError(`${command.name}: unexpected ${JSON.stringify(result.operands[command.operandsMax])}`);
  }
  // Each value went through `parse` with its own row of the table.
  result.given = given as GivenOptions<OptionName>;
  return result;
}

function flagTypes(command: Command): NonNullable<ParseArgsConfig['options']> {
  const types: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } };
  for (const name of command.options) {
    const multiple = OPTIONS[name].type === 'list';
    types[flagName(name).slice(2)] = { type: OPTIONS[name].type === 'flag' ? 'boolean' : 'string', multiple };
  }
  for (const { name, value } of command.ownOptions) types[name] = { type: value === undefined ? 'boolean' : 'string' };
  return types;
}

function textOf(token: { rawName: string; value?: string | undefined; inlineValue?: boolean | undefined }): string {
  const { rawName, value, inlineValue } = token;
  if (value === undefined || (value.startsWith('--') && !inlineValue)) throw usageError(`${rawName} needs a value`);
  return value;
}

function unknownFlag(flag: string, command: Command): LivespanError {
  const known = [...command.options.map(flagName), ...command.ownOptions.map(({ name }) => `--${name}`), '--help'];
  const guess = nearest(flag, known);
  const hint = guess === undefined ? `livespan ${command.name} --help lists the flags` : `did you mean ${guess}?`;
  return usageError(`${command.name}: unknown flag ${flag}; ${hint}`);
}

/** Stands before an argument with one dash, so that parseArgs takes `-name:health` for what it is. */
const PROTECTION = '\u0000';

function protectFilters(args: readonly string[]): string[] {
  return args.map((arg) => (/^-[^-]/.test(arg) && arg !== '-h' ? PROTECTION + arg : arg));
}

function unprotect(operand: string): string {
  return operand.startsWith(PROTECTION) ? operand.slice(PROTECTION.length) : operand;
}
