import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

const loads: (() => Promise<unknown>)[] = [];

/**
 * Loads all parts that were not shown yet, when the page has nothing else to do: then they are there at once, also when
 * the server is not.
 */
export async function loadAllLater(): Promise<void> {
  for (const load of loads.splice(0)) await load().catch(() => undefined);
}

/** A part of the page that is no part of the first load, so that this stays small. */
export function later(load: () => Promise<ComponentType>): ComponentType {
  let loaded: ComponentType | undefined;
  loads.push(load);
  return function Later() {
    const [Part, setPart] = useState<ComponentType | undefined>(() => loaded);
    const [isFailed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded !== undefined) return;
      load().then(
        (part) => {
          loaded = part;
          setPart(() => part);
        },
        () => setFailed(true),
      );
    }, []);
    if (isFailed) return <p class="banner">This part of the page could not be loaded. Reload the page to try again.</p>;
    return Part === undefined ? null : <Part />;
  };
}
