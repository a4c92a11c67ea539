import { HIDE_HEALTH } from '../state/filter-line.ts';
import type { Store } from '../state/store.ts';
import { useMonitor, useStore } from './context.ts';
import { Glyph } from './glyph.tsx';
import { later } from './later.tsx';
import { Menu } from './menu.tsx';
import { TravelControl } from './travel-control.tsx';

const CHIPS: readonly [term: string, title: string][] = [
  ['severity:>=error', 'errors'],
  [HIDE_HEALTH, 'hide health'],
];
const Choices = later(async () => (await import('./filter-choices.tsx')).FilterChoices, 'idle');
const SavedFilters = later(async () => (await import('./saved-filters-menu.tsx')).SavedFilters);

/** What is pressed most, beside the line where all can be said. */
export function FilterChips() {
  const { store } = useMonitor();
  return (
    <div class="chips">
      {CHIPS.map(([term, title]) => (
        <Chip key={title} title={title} isOn={store.filter.has(term)} onPress={() => store.filter.toggle(term)} />
      ))}
      <Chip title="running" isOn={store.isRunningOnly.value} onPress={() => toggleRunning(store)} />
      <Choices />
      <Menu title="saved" hint="Filters with a name">
        {() => <SavedFilters />}
      </Menu>
      <PauseButton />
      <TravelControl />
    </div>
  );
}

export function toggleRunning(store: Store): void {
  store.isRunningOnly.value = !store.isRunningOnly.peek();
}

function Chip({ title, isOn, onPress }: { title: string; isOn: boolean; onPress: () => void }) {
  return (
    <button type="button" class="chip" aria-pressed={isOn} onClick={onPress}>
      {title}
    </button>
  );
}

function PauseButton() {
  const store = useStore();
  const pause = store.pause.value;
  return (
    <button
      type="button"
      class="chip"
      aria-pressed={pause !== undefined}
      title="Space"
      onClick={() => (pause === undefined ? store.pauseRows('user') : store.resumeRows())}
    >
      <Glyph name="pause" /> {pause === undefined ? 'pause' : `+${pause.newCount} new`}
    </button>
  );
}
