import type { Selection } from '../state/model.ts';
import type { Store } from '../state/store.ts';

/** The trace that is looked at, be it by one of its spans. */
export function traceOf(selection: Selection | undefined): string | undefined {
  if (selection?.type === 'trace') return selection.traceId;
  return selection?.type === 'row' ? /^([0-9a-f]{32})\//.exec(selection.key)?.[1] : undefined;
}

/** One step back: from a span to its trace where that is beside it, else to the list. */
export function closeSelection(store: Store): void {
  const selection = store.selection.peek();
  const traceId = selection?.type === 'row' && store.view.peek() === 'traces' ? traceOf(selection) : undefined;
  store.selection.value = traceId === undefined ? undefined : { type: 'trace', traceId };
}
