import '../styles/menus.css';
import { useStore } from './context.ts';

const BACK: readonly [minutes: number, title: string][] = [
  [1, '1 min ago'],
  [5, '5 min ago'],
  [15, '15 min ago'],
  [60, '1 h ago'],
];

/** From when the log is replayed. */
export function TravelMoments() {
  const store = useStore();
  return (
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
  );
}
