const KEPT_MAX = 4_096;
const KEPT_CHARS_MAX = 128;

/** What `make` makes of a name. Names come again and again, so it is kept; when full all are forgotten at once. */
export function keeping(make: (name: string) => string): (name: string) => string {
  const kept = new Map<string, string>();
  return (name) => {
    const known = kept.get(name);
    if (known !== undefined) return known;
    const made = inOnePiece(make(name));
    if (name.length > KEPT_CHARS_MAX) return made;
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(name, made);
    return made;
  };
}

/** `,"key":"text"`, nothing where there is no text. `key` needs no escapes. */
export function textMember(key: string, text: string | undefined): string {
  return text === undefined ? '' : `,"${key}":${JSON.stringify(text)}`;
}

/** Only there so that the compiler does not leave out a reading whose result nobody uses. */
let readLast = 0;

/**
 * What was put together by + stays a tree of pieces until somebody reads it. A text that goes into many others is read
 * once, so that not each of them has to walk its pieces again.
 */
export function inOnePiece(text: string): string {
  readLast = (readLast + text.charCodeAt(0)) | 0;
  return text;
}
