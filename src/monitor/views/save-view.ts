import { writeNdjson } from '../activity-file.ts';
import type { Store } from '../state/store.ts';

/** All rows as a file, oldest first. */
export function saveView(store: Store): void {
  const url = URL.createObjectURL(new Blob([writeNdjson(store.allRows())], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `livespan-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.ndjson`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
