import { effect, untracked } from '@preact/signals';
import type { PageOptions } from './feed/pages.ts';
import { fetchRecord } from './feed/record.ts';
import { notHeldOf } from './state/copy-texts.ts';
import { FoundRecord } from './state/found.ts';
import type { Selection } from './state/model.ts';
import type { Store } from './state/store.ts';
import { traceOf } from './views/selection.ts';

/** Under a filter the rest of a running record does not come by itself. */
const AGAIN_MS = 2_000;
/** Stepping from row to row does not ask for each. */
const SETTLE_MS = 120;

/**
 * Looks in the log for a selected trace, call or row that the rows do not hold, or hold but in part, be it because of the
 * filter or because a span has more events than are kept: a link shows the same to everyone who opens it, as long as the log has it.
 */
export function watchRecords({ store, ...place }: PageOptions & { store: Store }): () => void {
  let searching = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** What is looked at, and whether it was searched for. */
  let looked: string | undefined;
  let isSearched = false;
  let found = new FoundRecord();

  async function search(selection: Selection, isFiltered: boolean, signal: AbortSignal): Promise<void> {
    found.expect(selection);
    try {
      const frames = await fetchRecord(place, selection, signal);
      if (signal.aborted) return;
      store.showFound(frames);
      store.lookup.value = { state: store.holds(selection) ? 'found' : 'absent' };
      if (isFiltered && found.isRunning) later(AGAIN_MS, selection, isFiltered);
    } catch (error) {
      if (signal.aborted) return;
      store.lookup.value = { state: 'failed', detail: error instanceof Error ? error.message : String(error) };
    }
  }

  function later(delayMs: number, selection: Selection, isFiltered: boolean): void {
    const { signal } = searching;
    timer = setTimeout(() => void search(selection, isFiltered, signal), delayMs);
  }

  function forget(): void {
    searching.abort();
    searching = new AbortController();
    clearTimeout(timer);
    isSearched = false;
    store.lookup.value = undefined;
    store.found.value = undefined;
  }

  const stop = effect(() => {
    const selection = store.selection.value;
    const filter = store.filter.text.value;
    const isLive = store.travel.value === undefined;
    const isFiltered = filter !== '' && isLive;
    const { state } = store.connection.value;
    const isReady = store.isLoaded.value && state !== 'file' && state !== 'denied';
    // Followed all the time: a row that is taken off while it is looked at is looked for.
    const isNeeded =
      selection !== undefined &&
      isReady &&
      (isFiltered || !store.holds(selection) || (isLive && isCut(store, selection)));
    const key = selection && JSON.stringify([{ ...selection, tab: 0, spanId: 0 }, filter]);
    untracked(() => {
      if (key !== looked) {
        looked = key;
        forget();
      }
      if (!isNeeded || isSearched) return;
      isSearched = true;
      found = new FoundRecord();
      store.found.value = found;
      store.lookup.value = { state: 'searching' };
      later(SETTLE_MS, selection, isFiltered);
    });
  });

  return () => {
    stop();
    forget();
  };
}

/** Whether some of the events of its spans are not held. */
function isCut(store: Store, selection: Selection): boolean {
  const traceId = traceOf(selection);
  const spans = traceId === undefined ? undefined : store.trace(traceId)?.spans;
  const row = selection.type === 'row' ? store.row(selection.key) : undefined;
  return (row !== undefined && notHeldOf(row) > 0) || [...(spans?.values() ?? [])].some((span) => notHeldOf(span) > 0);
}
