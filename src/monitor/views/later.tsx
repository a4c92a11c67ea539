import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useStore } from './context.ts';

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
    // What could not be loaded while the server was away is loaded when it is back.
    const isLive = useStore().connection.value.state === 'live';
    useEffect(() => {
      if (loaded !== undefined) return;
      load().then(
        (part) => {
          loaded = part;
          setPart(() => part);
        },
        () => {
          forgetFailedStyles();
          setFailed(true);
        },
      );
    }, [isLive]);
    if (Part !== undefined) return <Part />;
    if (!isFailed) return null;
    return (
      <p class="banner">This part of the page could not be loaded. If it does not come by itself, reload the page.</p>
    );
  };
}

/** One that stays in the page would be taken for loaded at the next try. */
function forgetFailedStyles(): void {
  for (const link of document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')) {
    if (link.sheet === null) link.remove();
  }
}
