import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useStore } from './context.ts';

/**
 * When a part is loaded: as soon as it is shown; only once the page is idle, because nobody waits for it, so that nothing
 * is said either where it cannot be loaded. All others are loaded then too, but those that are too large for everyone to
 * load: these come once they are `opened`.
 */
export type When = 'shown' | 'idle' | 'opened';

const loads: (() => Promise<unknown>)[] = [];
const isIdle = signal(false);

/**
 * Loads all parts that were not shown yet, when the page has nothing else to do: then they are there at once, also when
 * the server is not.
 */
export async function loadAllLater(): Promise<void> {
  isIdle.value = true;
  for (const load of loads.splice(0)) await load().catch(() => undefined);
}

/** A part of the page that is no part of the first load, so that this stays small. */
export function later(load: () => Promise<ComponentType>, when: When = 'shown'): ComponentType {
  let loaded: ComponentType | undefined;
  if (when !== 'opened') loads.push(load);
  return function Later() {
    const [Part, setPart] = useState<ComponentType | undefined>(() => loaded);
    const [isFailed, setFailed] = useState(false);
    const isDue = when !== 'idle' || isIdle.value;
    // What could not be loaded while the server was away is loaded when it is back.
    const isLive = useStore().connection.value.state === 'live';
    useEffect(() => {
      if (loaded !== undefined || !isDue) return;
      load().then(
        (part) => {
          loaded = part;
          setPart(() => part);
        },
        () => setFailed(true),
      );
    }, [isLive, isDue]);
    if (Part !== undefined) return <Part />;
    if (!isFailed || when === 'idle') return null;
    return (
      <p class="banner">This part of the page could not be loaded. If it does not come by itself, reload the page.</p>
    );
  };
}
