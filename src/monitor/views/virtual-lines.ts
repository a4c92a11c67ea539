import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export const LINE_PX = 28;
/** Lines drawn beyond what is in sight, so that a quick scroll does not show paper. */
const OVERSCAN = 4;

export interface VirtualLines {
  first: number;
  /** Exclusive; may lie beyond the last line. */
  end: number;
  scrollTo(index: number): void;
}

/** Which lines of a long list are in sight. All are of one height, so their places are arithmetic. */
export function useVirtualLines(scroller: RefObject<HTMLElement | null>, linePx: number): VirtualLines {
  const [sight, setSight] = useState({ first: 0, end: Math.ceil(800 / linePx) });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const look = (): void => {
      const { scrollTop, clientHeight } = element;
      const first = Math.floor(scrollTop / linePx);
      const end = Math.ceil((scrollTop + clientHeight) / linePx);
      setSight((last) => (last.first === first && last.end === end ? last : { first, end }));
    };
    const resized = new ResizeObserver(look);
    resized.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [scroller, linePx]);
  return {
    first: Math.max(0, sight.first - OVERSCAN),
    end: sight.end + OVERSCAN,
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
