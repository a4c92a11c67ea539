import type { GivenOptions, OptionName } from '../config.ts';
import type { Output } from './output.ts';

/** An option of one command alone, not of the option table: it says how a command behaves, not how livespan is set up. */
export interface OwnOption {
  /** Without the dashes. */
  name: string;
  /** What stands for its value in `--help`; absent for a flag. */
  value?: string;
  doc: string;
}

export interface Command {
  name: string;
  summary: string;
  /** What follows the command's name, e.g. `[filter]`. */
  usage: string;
  examples: readonly { line: string; doc: string }[];
  /** Rows of the option table, each a flag and an environment variable. */
  options: readonly OptionName[];
  ownOptions: readonly OwnOption[];
  /** How many arguments it takes beside options. */
  operandsMax: number;
  /** An argument like `-name:health` is a filter, not a bundle of flags. */
  takesFilter?: true;
  /** @returns the exit code */
  run(call: Call): Promise<number>;
}

/** One call of a command, read and checked. */
export interface Call {
  /** From the command line alone; the environment and the defaults come with `readOptions`. */
  given: GivenOptions<OptionName>;
  own: Readonly<Record<string, string | true | undefined>>;
  operands: readonly string[];
  output: Output;
}
