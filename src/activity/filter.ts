/**
 * The filter language of the feed: one grammar and one parser for the stream, the command line, the monitor and the
 * library. Terms are ANDed, `-` negates, `a,b` is OR inside a term, `*` globs, `@` names an attribute.
 */
export { parseFilter } from './filter-parser.ts';
export { compileFilter, isAlwaysShown } from './filter-predicate.ts';
export { printFilter } from './filter-printer.ts';
export { FIELD_NAMES, type Filter } from './filter-terms.ts';
