import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import type { Completion } from '../state/completion.ts';
import type { Store } from '../state/store.ts';
import { useMonitor } from './context.ts';
import { FilterChips } from './filter-chips.tsx';
import { Glyph } from './glyph.tsx';

export function FilterBar() {
  return (
    <search class="filter-bar">
      <FilterInput />
      <FilterChips />
    </search>
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
