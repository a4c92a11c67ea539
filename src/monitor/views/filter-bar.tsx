import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import type { Completion } from '../state/completion.ts';
import { HIDE_HEALTH } from '../state/filter-line.ts';
import type { Store } from '../state/store.ts';
import { useMonitor } from './context.ts';
import { Glyph } from './glyph.tsx';
import { TravelControl } from './travel-control.tsx';

const CHIPS: readonly [term: string, title: string][] = [
  ['severity:>=error', 'errors'],
  ['kind:span.start,span.end', 'spans'],
  [HIDE_HEALTH, 'hide health'],
];

export function FilterBar() {
  const monitor = useMonitor();
  const { store } = monitor;
  const isPaused = store.pause.value !== undefined;
  return (
    <div class="filter-bar">
      <FilterInput />
      <div class="chips">
        {CHIPS.map(([term, title]) => (
          <button
            key={title}
            type="button"
            class="chip"
            aria-pressed={store.filter.has(term)}
            onClick={() => store.filter.toggle(term)}
          >
            {title}
          </button>
        ))}
        <select
          class="quiet"
          aria-label="Order"
          value={store.order.value}
          onChange={(event) => {
            store.order.value = event.currentTarget.value === 'duration' ? 'duration' : 'newest';
          }}
        >
          <option value="newest">newest first</option>
          <option value="duration">longest first</option>
        </select>
        <SavedFilters />
        <button
          type="button"
          class="chip"
          aria-pressed={isPaused}
          title="Space"
          onClick={() => (isPaused ? store.resumeRows() : store.pauseRows('user'))}
        >
          <Glyph name="pause" /> {isPaused ? `+${store.pause.value?.newCount ?? 0} new` : 'pause'}
        </button>
        <TravelControl />
      </div>
    </div>
  );
}

/** What may follow at the caret, and the keys that choose from it. */
function useCompletions(store: Store, input: RefObject<HTMLInputElement | null>) {
  const offers = useSignal<readonly Completion[]>([]);
  const chosen = useSignal(-1);
  const asked = useRef(0);
  const ask = async (): Promise<void> => {
    const turn = ++asked.current;
    const field = input.current;
    if (field === null) return;
    const found = await store.complete(field.value, field.selectionStart ?? field.value.length);
    if (turn !== asked.current) return;
    offers.value = found;
    chosen.value = -1;
  };
  const close = (): void => {
    asked.current += 1;
    offers.value = [];
    chosen.value = -1;
  };
  const take = (offer: Completion): void => {
    store.filter.draft.value = offer.text;
    const field = input.current;
    if (field === null) return;
    field.value = offer.text;
    field.setSelectionRange(offer.caret, offer.caret);
    field.focus();
    void ask();
  };
  const press = (event: KeyboardEvent): void => {
    const { length } = offers.value;
    const offer = offers.value[chosen.value];
    if (event.key === 'ArrowDown' && length > 0) chosen.value = (chosen.value + 1) % length;
    else if (event.key === 'ArrowUp' && length > 0) chosen.value = (chosen.value + length - 1) % length;
    else if ((event.key === 'Enter' || event.key === 'Tab') && offer !== undefined) take(offer);
    else if (event.key === 'Enter') {
      if (store.filter.apply()) close();
    } else if (event.key === 'Escape' && length > 0) close();
    else if (event.key === 'Escape') input.current?.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return { offers, chosen, ask, close, take, press };
}

interface OffersProps {
  offers: readonly Completion[];
  chosen: number;
  take: (offer: Completion) => void;
}

function Offers({ offers, chosen, take }: OffersProps) {
  return (
    <div id="filter-offers" class="offers" role="listbox" aria-label="Completions" hidden={offers.length === 0}>
      {offers.map((offer, index) => (
        <div
          key={offer.label}
          tabIndex={-1}
          id={`offer-${index}`}
          role="option"
          aria-selected={index === chosen}
          onPointerDown={(event) => {
            event.preventDefault();
            take(offer);
          }}
        >
          <code>{offer.label}</code> <span>{offer.detail}</span>
        </div>
      ))}
    </div>
  );
}

function FilterInput() {
  const { store } = useMonitor();
  const input = useRef<HTMLInputElement>(null);
  const { offers, chosen, ask, close, take, press } = useCompletions(store, input);
  const problem = store.filter.problem.value;
  return (
    <div class="filter-input">
      <Glyph name="search" />
      <input
        ref={input}
        id="filter"
        type="text"
        role="combobox"
        aria-label="Filter"
        aria-expanded={offers.value.length > 0}
        aria-controls="filter-offers"
        aria-activedescendant={chosen.value >= 0 ? `offer-${chosen.value}` : undefined}
        aria-invalid={problem !== undefined}
        aria-describedby="filter-problem"
        autocomplete="off"
        spellcheck={false}
        placeholder="Filter: service:gateway severity:>=warn -name:health  (press /)"
        value={store.filter.draft.value}
        onInput={(event) => {
          store.filter.draft.value = event.currentTarget.value;
          void ask();
        }}
        onFocus={() => void ask()}
        onBlur={() => setTimeout(close, 150)}
        onKeyDown={press}
      />
      {store.filter.text.value !== '' && (
        <button type="button" class="quiet" aria-label="Clear the filter" onClick={() => store.filter.apply('')}>
          clear
        </button>
      )}
      <Offers offers={offers.value} chosen={chosen.value} take={take} />
      <p id="filter-problem" class="problem" role="alert">
        {problem === undefined ? '' : `Column ${problem.column}: ${problem.message}`}
      </p>
    </div>
  );
}

function SavedFilters() {
  const monitor = useMonitor();
  const { store } = monitor;
  const name = useSignal('');
  return (
    <details class="menu">
      <summary>saved</summary>
      <div class="menu-body">
        {monitor.savedFilters.value.map((saved) => (
          <p key={saved.name}>
            <button type="button" class="quiet" onClick={() => store.filter.apply(saved.text)}>
              {saved.name}
            </button>
            <button
              type="button"
              class="quiet"
              aria-label={`Forget ${saved.name}`}
              onClick={() => monitor.forgetFilter(saved.name)}
            >
              forget
            </button>
          </p>
        ))}
        {monitor.savedFilters.value.length === 0 && <p class="muted">No filter is saved in this browser.</p>}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (name.value.trim() !== '') monitor.saveFilter(name.value.trim());
            name.value = '';
          }}
        >
          <input
            type="text"
            aria-label="Name for the filter"
            placeholder="Name for this filter"
            value={name.value}
            onInput={(event) => {
              name.value = event.currentTarget.value;
            }}
          />
          <button type="submit">save</button>
        </form>
      </div>
    </details>
  );
}
