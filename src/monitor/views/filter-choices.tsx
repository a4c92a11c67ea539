import '../styles/choices.css';
import type { Store } from '../state/store.ts';
import { useStore } from './context.ts';

/** Value of the term, and what it is called; the empty one takes the term away. */
type Option = readonly [value: string, title: string];

const SEVERITIES: readonly Option[] = [
  ['', 'all severities'],
  ['>=warn', 'warn and worse'],
  ['>=error', 'errors only'],
];
const KINDS: readonly Option[] = [
  ['', 'all kinds'],
  ['span.start,span.end', 'spans'],
  ['event', 'events'],
  ['log', 'logs'],
];

/** One of a few for each of these, in the filter line like all else; and in which order the rows stand. */
export function FilterChoices() {
  const store = useStore();
  const services = store.knownServices.value.map((service): Option => [JSON.stringify(service), service]);
  return (
    <>
      {services.length > 1 || isNarrowed(store, 'service') ? (
        <Choice field="service" options={[['', 'all services'], ...services]} />
      ) : null}
      <Choice field="severity" options={SEVERITIES} />
      <Choice field="kind" options={KINDS} />
      <select
        class="quiet choice"
        aria-label="Order"
        value={store.order.value}
        onChange={(event) => {
          store.order.value = event.currentTarget.value === 'duration' ? 'duration' : 'newest';
        }}
      >
        <option value="newest">newest first</option>
        <option value="duration">longest first</option>
      </select>
    </>
  );
}

function Choice({ field, options }: { field: string; options: readonly Option[] }) {
  const { filter } = useStore();
  const chosen = options.find(([value]) => value !== '' && filter.has(`${field}:${value}`))?.[0] ?? '';
  return (
    <select
      class={`quiet choice${chosen === '' ? '' : ' is-on'}`}
      aria-label={field.charAt(0).toUpperCase() + field.slice(1)}
      value={chosen}
      onChange={({ currentTarget: { value } }) => filter.setRange(field, ...(value === '' ? [] : [value]))}
    >
      {options.map(([value, title]) => (
        <option key={value} value={value}>
          {title}
        </option>
      ))}
    </select>
  );
}

/** Something in the filter says it, also what is none of the options. */
function isNarrowed({ filter }: Store, field: string): boolean {
  return filter.terms.value.some(
    ({ negated, target }) => !negated && target.type === 'field' && target.field === field,
  );
}
