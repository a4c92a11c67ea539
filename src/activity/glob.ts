/**
 * `*` stands for any run of characters, everything else for itself; the whole text has to match. Compiled to a prefix, a
 * suffix and pieces searched from left to right, so no pattern makes it slow (a regular expression could be made to).
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  const last = pieces[pieces.length - 1] ?? '';
  if (pieces.length === 1) return (text) => text === first;
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  if (middle.length === 0) {
    const length = first.length + last.length;
    return (text) => text.length >= length && text.startsWith(first) && text.endsWith(last);
  }
  return (text) => {
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const piece of middle) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
}
