import { stripVTControlCharacters } from 'node:util';
import { envName, expected, flagName, OPTIONS, type OptionName } from '../config.ts';
import type { Command } from './command.ts';
import type { Output } from './output.ts';

const COLUMN_MAX = 34;

/** Everything about one command: use, examples, flags with environment variable and default. */
export function commandHelp(command: Command, { paint }: Output): string {
  const title = (text: string): string => paint('bold', text);
  const rows: [string, string][] = [
    ...command.ownOptions.map(({ name, value, doc }): [string, string] => [
      value === undefined ? `--${name}` : `--${name} <${value}>`,
      doc,
    ]),
    ...command.options.map((name): [string, string] => [flagText(name), optionText(name)]),
    ['-h, --help', 'This text'],
  ];
  return [
    `${title('livespan')} ${command.name} ${command.usage}`.trimEnd(),
    '',
    command.summary,
    '',
    title('Examples'),
    ...command.examples.flatMap(({ line, doc }) => [`  ${line}`, `      ${paint('dim', doc)}`]),
    '',
    title('Flags'),
    ...table(rows),
    ...(command.options.length === 0 ? [] : ['', 'A flag wins over its environment variable.']),
  ].join('\n');
}

export function overview(commands: readonly Command[], { paint }: Output): string {
  const title = (text: string): string => paint('bold', text);
  return [
    `${title('livespan')} <command> [flags]`,
    '',
    'What your services do, as OpenTelemetry traces and live at the same moment.',
    '',
    title('Commands'),
    ...table(commands.map(({ name, summary }) => [name, summary])),
    '',
    title('Try'),
    '  livespan demo                     everything at once, nothing else needed',
    '  livespan serve                    a server; applications and readers find it without settings',
    '  livespan dev -- node app.js       a server and your application, traced without a change',
    '',
    'livespan <command> --help tells more. Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted.',
  ].join('\n');
}

function flagText(name: OptionName): string {
  const { type } = OPTIONS[name];
  return type === 'flag' ? `--[no-]${flagName(name).slice(2)}` : `${flagName(name)} <${VALUES[type]}>`;
}

const VALUES = { text: 'text', integer: 'n', ms: 'time', bytes: 'size', choice: 'choice', list: 'a,b' } as const;

function optionText(name: OptionName): string {
  const spec = OPTIONS[name];
  const choices = spec.type === 'choice' ? ` (${expected(spec)})` : '';
  const isSet = spec.default !== undefined && !(Array.isArray(spec.default) && spec.default.length === 0);
  return `${spec.doc}${choices} [${envName(name)}${isSet ? `, default ${String(spec.default)}` : ''}]`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const longest = Math.max(...rows.map(([left]) => stripVTControlCharacters(left).length));
  const width = Math.min(longest, COLUMN_MAX);
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
