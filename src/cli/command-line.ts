import { readFileSync } from 'node:fs';
import { toLivespanError } from '../errors.ts';
import { readArguments, usageError } from './arguments.ts';
import type { Command } from './command.ts';
import { demo } from './demo.ts';
import { dev } from './dev.ts';
import { doctor } from './doctor.ts';
import { commandHelp, overview } from './help.ts';
import { createOutput, type Output, printable } from './output.ts';
import { serve } from './serve.ts';
import { start } from './start.ts';
import { stats } from './stats.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { nearest } from './suggestion.ts';
import { tail } from './tail.ts';
import { sayWarnings } from './warnings.ts';

const COMMANDS: readonly Command[] = [serve, tail, dev, demo, doctor, start, stop, status, stats];

/**
 * Runs one command.
 * @returns the exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted, or that of the child of `dev`
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const output = createOutput();
  sayWarnings(output);
  try {
    return await dispatch(args, output);
  } catch (thrown) {
    const error = toLivespanError(thrown);
    output.err(`${output.paintErr('red', 'livespan:')} ${printable(error.message)}`);
    return error.exitCode;
  }
}

async function dispatch(args: readonly string[], output: Output): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined || first === '--help' || first === '-h') {
    await output.out(overview(COMMANDS, output));
    // Nothing was asked for: the answer is help, and a script must not take it for success.
    return first === undefined ? 2 : 0;
  }
  if (first === '--version' || first === '-v') {
    await output.out(version());
    return 0;
  }
  if (first === 'help') return help(rest[0], output);
  const command = find(first);
  const { help: helpWanted, ...call } = readArguments(command, rest);
  if (helpWanted) return help(command.name, output);
  return command.run({ ...call, output });
}

async function help(name: string | undefined, output: Output): Promise<number> {
  await output.out(name === undefined ? overview(COMMANDS, output) : commandHelp(find(name), output));
  return 0;
}

function find(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((candidate) => candidate.name);
  const guess = nearest(name, names);
  const what = name.startsWith('-') ? 'flag' : 'command';
  const hint = guess === undefined ? `commands are ${names.join(', ')}` : `did you mean ${guess}?`;
  throw usageError(`unknown ${what} ${JSON.stringify(name)}; ${hint}`);
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
