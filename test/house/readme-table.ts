import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { envName, expected, flagName, OPTIONS, type OptionName } from '../../src/config.ts';

/** `npm run readme`: writes the option table into the README; a test fails while the two differ. */
export const README = join(import.meta.dirname, '../../README.md');
const BEGIN = '<!-- options: written by npm run readme -->';
const END = '<!-- /options -->';

function shown(value: unknown): string {
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return '';
  return `\`${Array.isArray(value) ? value.join(',') : String(value)}\``;
}

export function optionTable(): string {
  const rows = (Object.keys(OPTIONS) as OptionName[]).map((name) => {
    const spec = OPTIONS[name];
    const limits = spec.type === 'text' && spec.expected === undefined ? '' : expected(spec);
    return `| \`${name}\` | \`${flagName(name)}\` | \`${envName(name)}\` | ${shown(spec.default)} | ${limits} | ${spec.scope.join(', ')} | ${spec.doc} |`;
  });
  return [
    '| option | flag | environment | default | takes | for | what |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** The README with its table as the code has it. */
export function withTable(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md has no ${BEGIN} … ${END}`);
  return `${readme.slice(0, begin + BEGIN.length)}\n${optionTable()}\n${readme.slice(end)}`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(README, withTable(readFileSync(README, 'utf8')));
