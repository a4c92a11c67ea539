import '../styles/menus.css';
import { useSignal } from '@preact/signals';
import { useMonitor } from './context.ts';

/** Filters with a name, kept in this browser. */
export function SavedFilters() {
  const monitor = useMonitor();
  const { store } = monitor;
  const name = useSignal('');
  return (
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
  );
}
