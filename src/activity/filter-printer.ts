import type { Alternative, Filter, Target, Term } from './filter-terms.ts';

/** The filter's canonical text: parsing it gives the same filter again. */
export function printFilter(filter: Filter): string {
  return filter.terms.map(printTerm).join(' ');
}

function printTerm({ negated, target, alternatives }: Term): string {
  const values = alternatives.map((alternative) => printAlternative(target, alternative)).join(',');
  return `${negated ? '-' : ''}${printTarget(target)}${values}`;
}

function printTarget(target: Target): string {
  if (target.type === 'text') return '';
  if (target.type === 'field') return `${target.field}:`;
  return /^[^\s:,"]+$/.test(target.key) ? `@${target.key}:` : `@${quote(target.key)}:`;
}

function printAlternative(target: Target, alternative: Alternative): string {
  switch (alternative.type) {
    case 'glob':
      return alternative.pattern;
    case 'compare':
      return `${alternative.operator === '=' ? '' : alternative.operator}${alternative.text}`;
    default:
      return isBare(target, alternative.text) ? alternative.text : quote(alternative.text);
  }
}

/** Whether the text means itself where it stands, without quotes. */
function isBare(target: Target, text: string): boolean {
  if (!/^[^\s,"*<>]+$/.test(text)) return false;
  return target.type !== 'text' || /^[^-@:][^:]*$/.test(text);
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
