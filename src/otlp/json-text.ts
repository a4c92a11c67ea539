const KEPT_MAX = 4_096;
const KEPT_CHARS_MAX = 128;

const kept = new Map<string, string>();

/** A text as JSON. Names come again and again, so theirs are kept; when full all are forgotten at once. */
export function quoteKept(text: string): string {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const quoted = JSON.stringify(text);
  if (text.length > KEPT_CHARS_MAX) return quoted;
  if (kept.size >= KEPT_MAX) kept.clear();
  kept.set(text, quoted);
  return quoted;
}

/** `,"key":"text"`, nothing where there is no text. `key` needs no escapes. */
export function textMember(key: string, text: string | undefined): string {
  return text === undefined ? '' : `,"${key}":${JSON.stringify(text)}`;
}
