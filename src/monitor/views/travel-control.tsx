import { formatTime } from '../state/figures.ts';
import type { Speed } from '../state/model.ts';
import { useStore } from './context.ts';

const SPEEDS: readonly Speed[] = [1, 10, 'max'];
const BACK: readonly [minutes: number, title: string][] = [
  [1, '1 min ago'],
  [5, '5 min ago'],
  [15, '15 min ago'],
  [60, '1 h ago'],
];

/** Time travel: a moment, a speed, and back to live. */
export function TravelControl() {
  const store = useStore();
  const travel = store.travel.value;
  if (travel === undefined) {
    return (
      <details class="menu" id="travel">
        <summary title="t">replay</summary>
        <div class="menu-body">
          {BACK.map(([minutes, title]) => (
            <p key={minutes}>
              <button type="button" class="quiet" onClick={() => store.travelTo(Date.now() - minutes * 60_000, 10)}>
                {title}
              </button>
            </p>
          ))}
          <label>
            From{' '}
            <input
              type="datetime-local"
              step="1"
              onChange={(event) => {
                const atMs = Date.parse(event.currentTarget.value);
                if (Number.isFinite(atMs)) store.travelTo(atMs, 1);
              }}
            />
          </label>
        </div>
      </details>
    );
  }
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
