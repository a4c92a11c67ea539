/** A filter that was given a name; kept in this browser. */
export interface SavedFilter {
  readonly name: string;
  readonly text: string;
}

const KEY = 'livespan.filters';
const COUNT_MAX = 50;

/** The part of `localStorage` that is needed; a browser may forbid it, then nothing is kept. */
export interface TextStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export function readFilters(storage: TextStorage | undefined): readonly SavedFilter[] {
  try {
    const value: unknown = JSON.parse(storage?.getItem(KEY) ?? '[]');
    return Array.isArray(value) ? value.filter(isSavedFilter).slice(0, COUNT_MAX) : [];
  } catch {
    return [];
  }
}

/** Returns what is kept now: a name stands once, the newest first. */
export function saveFilter(storage: TextStorage | undefined, filter: SavedFilter): readonly SavedFilter[] {
  const others = readFilters(storage).filter(({ name }) => name !== filter.name);
  return write(storage, [filter, ...others].slice(0, COUNT_MAX));
}

export function forgetFilter(storage: TextStorage | undefined, name: string): readonly SavedFilter[] {
  return write(
    storage,
    readFilters(storage).filter((filter) => filter.name !== name),
  );
}

function write(storage: TextStorage | undefined, filters: readonly SavedFilter[]): readonly SavedFilter[] {
  try {
    storage?.setItem(KEY, JSON.stringify(filters));
  } catch {
    // Full or forbidden: it holds until the page is closed.
  }
  return filters;
}

function isSavedFilter(value: unknown): value is SavedFilter {
  if (typeof value !== 'object' || value === null) return false;
  const { name, text } = value as Record<string, unknown>;
  return typeof name === 'string' && typeof text === 'string';
}
