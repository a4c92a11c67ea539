import '../styles/sparkline.css';
import type { Store } from '../state/store.ts';
import { useStore } from './context.ts';

/** A minute of activity, one bar a second, with what failed standing out at the foot of each bar. */
export function Sparkline() {
  const store = useStore();
  const { perSecond: all, errorsPerSecond: errors } = store.rates.value;
  const most = Math.max(1, ...all);
  const height = (value: number): number => (value === 0 ? 0 : Math.max(1, (value / most) * 19));
  const bars = (values: readonly number[]): string =>
    values.map((value, index) => (value === 0 ? '' : `M${index * 2 + 1} 19v${-height(value)}`)).join('');
  const total = all.reduce((sum, value) => sum + value, 0);
  const failed = errors.reduce((sum, value) => sum + value, 0);
  return (
    <button
      type="button"
      class="sparkline"
      title="The last minute; press on a second to replay from there"
      aria-label={`${total} activities in the last minute, ${failed} of them errors; replay this minute`}
      onClick={({ clientX, detail, currentTarget }) => {
        const { left, width } = currentTarget.getBoundingClientRect();
        // Pressed by a key it has no place: from its beginning.
        const share = detail === 0 ? 0 : (clientX - left) / width;
        replayFrom(store, Math.ceil((1 - Math.min(1, Math.max(0, share))) * all.length));
      }}
    >
      <svg viewBox={`0 0 ${all.length * 2} 20`} preserveAspectRatio="none" aria-hidden="true">
        <path class="sparkline-base" d={`M0 19.5h${all.length * 2}`} />
        <path class="sparkline-all" d={bars(all)} />
        <path class="sparkline-errors" d={bars(errors)} />
      </svg>
    </button>
  );
}

function replayFrom(store: Store, secondsAgo: number): void {
  store.travelTo(store.nowMs.peek() - secondsAgo * 1_000, 1);
}
