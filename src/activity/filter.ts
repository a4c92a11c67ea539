/**
 * The filter language of the feed: one grammar and one parser for the stream, the command line, the monitor and the
 * library. Terms are ANDed, `-` negates, `a,b` is OR inside a term, `*` globs, `@` names an attribute.
 */
export { type ParsedFilter, parseFilter } from './filter-parser.ts';
export { compileFilter, isAlwaysShown } from './filter-predicate.ts';
export { printFilter } from './filter-printer.ts';
export {
  type Alternative,
  FIELD_NAMES,
  FILTER_LIMITS,
  type FieldName,
  type Filter,
  type FilterLimits,
  type Target,
  type Term,
} from './filter-terms.ts';
