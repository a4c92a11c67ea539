import '../styles/menus.css';
import { signal, useSignal } from '@preact/signals';
import { forgetFilter, readFilters, type SavedFilter, saveFilter } from '../saved-filters.ts';
import { useMonitor } from './context.ts';

/** Also where the browser keeps nothing they hold until the page is closed. */
const kept = signal<readonly SavedFilter[] | undefined>(undefined);

/** Filters with a name, kept in this browser. */
export function SavedFilters() {
  const { store, storage } = useMonitor();
  const name = useSignal('');
  kept.value ??= readFilters(storage);
  return (
    <div class="menu-body">
      {kept.value.map((saved) => (
        <p key={saved.name}>
          <button type="button" class="quiet" onClick={() => store.filter.apply(saved.text)}>
            {saved.name}
          </button>
          <button
            type="button"
            class="quiet"
            aria-label={`Forget ${saved.name}`}
            onClick={() => {
              kept.value = forgetFilter(storage, saved.name);
            }}
          >
            forget
          </button>
        </p>
      ))}
      {kept.value.length === 0 && <p class="muted">No filter is saved in this browser.</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const filter = { name: name.value.trim(), text: store.filter.text.peek() };
          if (filter.name !== '') kept.value = saveFilter(storage, filter);
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
  );
}
