import { type Activity, type AttributeValue, SEVERITIES } from './activity.ts';
import type { Alternative, FieldName, Filter, Operator, Target, Term } from './filter-terms.ts';
import { compileGlob } from './glob.ts';

type Predicate = (activity: Activity) => boolean;

/** What the system says about itself and nobody may miss: lost activities, instances that come and go. */
export function isAlwaysShown(activity: Activity): boolean {
  return (
    activity.kind === 'notice' &&
    (activity.name === 'livespan.dropped' || activity.name.startsWith('livespan.instance_'))
  );
}

/**
 * The filter as a function, made once and called once an activity. `isAlwaysShown` activities pass whatever the other
 * terms say, unless a term like `-kind:notice` names them, or the caller wants nothing but matches (`exact`).
 */
export function compileFilter(filter: Filter, options: { exact?: boolean } = {}): Predicate {
  // Cheap conditions first, so that free text is looked for in few activities.
  const terms = [...filter.terms].sort((a, b) => cost(a.target) - cost(b.target)).map(compileTerm);
  const [only] = terms;
  const matches: Predicate =
    only === undefined ? () => true : terms.length === 1 ? only : (activity) => terms.every((term) => term(activity));
  if (options.exact === true) return matches;
  const hidesNotices = filter.terms.some(excludesNotices);
  return (activity) => matches(activity) || (activity.kind === 'notice' && !hidesNotices && isAlwaysShown(activity));
}

function excludesNotices(term: Term): boolean {
  return (
    term.negated &&
    term.target.type === 'field' &&
    term.target.field === 'kind' &&
    term.alternatives.some((alternative) => textMatcher(alternative)('notice'))
  );
}

function cost(target: Target): number {
  return target.type === 'field' ? 0 : target.type === 'attribute' ? 1 : 2;
}

function compileTerm(term: Term): Predicate {
  const holds = compileTarget(term);
  return term.negated ? (activity) => !holds(activity) : holds;
}

function compileTarget({ target, alternatives }: Term): Predicate {
  switch (target.type) {
    case 'text': {
      const found = any(alternatives.map(compileSearch));
      return (activity) => search(activity, found);
    }
    case 'attribute': {
      const { key } = target;
      const holds = any(alternatives.map(compileAttribute));
      return ({ attributes }) => {
        if (!Object.hasOwn(attributes, key)) return false;
        const value = attributes[key];
        return Array.isArray(value) ? value.some((element) => holds(element)) : value !== undefined && holds(value);
      };
    }
    default:
      return compileField(target.field, alternatives);
  }
}

function compileField(field: FieldName, alternatives: readonly Alternative[]): Predicate {
  if (field === 'duration') {
    const holds = any(alternatives.map(compileNumber));
    return ({ durationMs }) => durationMs !== undefined && holds(durationMs);
  }
  if (field === 'severity') {
    const passing = new Set<string>(
      SEVERITIES.filter((severity, rank) =>
        alternatives.some((alternative) =>
          alternative.type === 'compare' ? compileNumber(alternative)(rank) : textMatcher(alternative)(severity),
        ),
      ),
    );
    return ({ severity }) => passing.has(severity);
  }
  const read = READERS[field];
  const holds = any(alternatives.map(textMatcher));
  return (activity) => {
    const value = read(activity);
    return value !== undefined && holds(value);
  };
}

const READERS: Readonly<
  Record<Exclude<FieldName, 'duration' | 'severity'>, (activity: Activity) => string | undefined>
> = {
  service: (activity) => activity.service,
  instance: (activity) => activity.instance,
  name: (activity) => activity.name,
  kind: (activity) => activity.kind,
  call: (activity) => activity.callId,
  trace: (activity) => activity.traceId,
  span: (activity) => activity.spanId,
  status: (activity) => activity.status,
  scope: (activity) => activity.scope,
  id: (activity) => activity.id,
  sampled: (activity) => (activity.sampled === false ? 'false' : 'true'),
  summary: (activity) => activity.summary,
};

function any<T>(matchers: readonly ((value: T) => boolean)[]): (value: T) => boolean {
  const [only] = matchers;
  return matchers.length === 1 && only !== undefined ? only : (value) => matchers.some((matches) => matches(value));
}

function textMatcher(alternative: Alternative): (text: string) => boolean {
  if (alternative.type === 'glob') return compileGlob(alternative.pattern);
  const { text } = alternative;
  return (value) => value === text;
}

function compileNumber(alternative: Alternative): (value: number) => boolean {
  if (alternative.type !== 'compare') return () => false;
  return comparison(alternative.operator, alternative.value);
}

function comparison(operator: Operator, limit: number): (value: number) => boolean {
  switch (operator) {
    case '>':
      return (value) => value > limit;
    case '>=':
      return (value) => value >= limit;
    case '<':
      return (value) => value < limit;
    case '<=':
      return (value) => value <= limit;
    default:
      return (value) => value === limit;
  }
}

/** Numbers that came as text (`"503"`) compare as numbers; `5.0` equals 5. */
function compileAttribute(alternative: Alternative): (value: AttributeValue) => boolean {
  if (alternative.type === 'compare') {
    const holds = comparison(alternative.operator, alternative.value);
    return (value) => {
      if (typeof value === 'number') return holds(value);
      return typeof value === 'string' && value.trim() !== '' && holds(Number(value));
    };
  }
  const matches = textMatcher(alternative);
  const number = alternative.type === 'exact' && alternative.text !== '' ? Number(alternative.text) : Number.NaN;
  return (value) => value === number || matches(typeof value === 'string' ? value : String(value));
}

function compileSearch(alternative: Alternative): (lowerText: string) => boolean {
  if (alternative.type === 'glob') return compileGlob(`*${alternative.pattern}*`);
  const { text } = alternative;
  return (value) => value.includes(text);
}

function search(activity: Activity, found: (lowerText: string) => boolean): boolean {
  const { name, summary, service, callId, attributes } = activity;
  if (found(name.toLowerCase())) return true;
  if (summary !== undefined && found(summary.toLowerCase())) return true;
  if (service !== undefined && found(service.toLowerCase())) return true;
  if (callId !== undefined && found(callId.toLowerCase())) return true;
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (typeof value === 'string' ? found(value.toLowerCase()) : Array.isArray(value) && searchList(value, found))
      return true;
  }
  return false;
}

function searchList(list: readonly unknown[], found: (lowerText: string) => boolean): boolean {
  return list.some((element) => typeof element === 'string' && found(element.toLowerCase()));
}
