import { useEffect, useRef } from 'preact/hooks';

/** How far a view without a list is scrolled by one press. */
const SCROLL_PX = 56;

/**
 * `j k` and arrows put the focus on the next or the previous button of a view, from where `Enter` presses it; where it has
 * none, they scroll.
 * @param lists what is gone along, top first: the list that has the focus, else the last one
 * @param take called with the button that has the focus now
 */
export function useMoveKeys(lists: () => readonly HTMLElement[][], take?: (button: HTMLElement) => void): void {
  const latest = useRef({ lists, take });
  latest.current = { lists, take };
  useEffect(() => {
    const move = (event: Event): void => {
      const { detail } = event as CustomEvent<'up' | 'down' | 'open'>;
      if (detail === 'open') return;
      const step = detail === 'down' ? 1 : -1;
      const all = latest.current.lists();
      const active = document.activeElement as HTMLElement | null;
      const list = all.find((buttons) => active !== null && buttons.includes(active)) ?? all.at(-1) ?? [];
      if (list.length === 0) {
        document.getElementById('view')?.scrollBy({ top: step * SCROLL_PX });
        return;
      }
      const next = nextOf(list, active, step);
      next?.focus();
      if (next !== undefined) latest.current.take?.(next);
    };
    addEventListener('livespan:move', move);
    return () => removeEventListener('livespan:move', move);
  }, []);
}

/** From the one that has the focus, else from the one that is open; where there is neither, the first. */
function nextOf(list: readonly HTMLElement[], active: HTMLElement | null, step: 1 | -1): HTMLElement | undefined {
  const focused = active === null ? -1 : list.indexOf(active);
  const at = focused >= 0 ? focused : list.findIndex((button) => button.getAttribute('aria-current') === 'true');
  return at < 0 ? list[0] : list[at + step];
}
