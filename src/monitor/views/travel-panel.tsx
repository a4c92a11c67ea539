import { formatTime } from '../state/figures.ts';
import type { Speed } from '../state/model.ts';
import { useStore } from './context.ts';

const SPEEDS: readonly Speed[] = [1, 10, 'max'];

/** While the log is replayed: where, how fast, and back to live. */
export function TravelPanel() {
  const store = useStore();
  const travel = store.travel.value;
  if (travel === undefined) return null;
  return (
    <span class="travel">
      <b>{formatTime(travel.atMs * 1_000).slice(0, 8)}</b>
      <button type="button" class="chip" aria-pressed={travel.isHeld} onClick={() => store.holdTravel(!travel.isHeld)}>
        {travel.isHeld ? 'go on' : 'hold'}
      </button>
      {SPEEDS.map((speed) => (
        <button
          key={speed}
          type="button"
          class="chip"
          aria-pressed={travel.speed === speed}
          onClick={() => store.setSpeed(speed)}
        >
          {speed === 'max' ? 'fast' : `${speed}×`}
        </button>
      ))}
      <button type="button" class="chip" onClick={() => store.backToLive()}>
        live
      </button>
    </span>
  );
}
