import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export const LINE_PX = 28;
/** Lines drawn beyond what is in sight, so that a quick scroll does not show paper. */
const OVERSCAN = 12;

export interface VirtualLines {
  totalPx: number;
  first: number;
  /** Exclusive. */
  end: number;
  scrollTo(index: number): void;
}

/** Which lines of a long list are in sight. All are of one height, so their places are arithmetic. */
export function useVirtualLines(count: number, scroller: RefObject<HTMLElement | null>, linePx: number): VirtualLines {
  const [sight, setSight] = useState({ topPx: 0, heightPx: 800 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const look = (): void => setSight({ topPx: element.scrollTop, heightPx: element.clientHeight });
    const resized = new ResizeObserver(look);
    resized.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [scroller]);
  return {
    totalPx: count * linePx,
    first: Math.max(0, Math.floor(sight.topPx / linePx) - OVERSCAN),
    end: Math.min(count, Math.ceil((sight.topPx + sight.heightPx) / linePx) + OVERSCAN),
    scrollTo(index) {
      const element = scroller.current;
      if (element === null) return;
      const topPx = index * linePx;
      if (topPx < element.scrollTop) element.scrollTop = topPx;
      else if (topPx + linePx > element.scrollTop + element.clientHeight) {
        element.scrollTop = topPx + linePx - element.clientHeight;
      }
    },
  };
}
