const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A UTF-16 unit is at most 3 bytes of UTF-8: text this short needs no measuring. */
const BYTES_A_CHAR_MAX = 3;

/** Whether the text is within `bytesMax` bytes of UTF-8. */
export function fits(text: string, bytesMax: number): boolean {
  if (text.length * BYTES_A_CHAR_MAX <= bytesMax) return true;
  return text.length <= bytesMax && cutText(text, bytesMax).length === text.length;
}

let scratch = new Uint8Array(4_096);

/**
 * The text as far as `bytesMax` bytes of UTF-8 go, cut between two code points, lone surrogates replaced by U+FFFD. It is
 * a copy: a slice would keep a text of 10 MB alive for its first 4 KiB.
 */
export function cutText(text: string, bytesMax: number): string {
  if (scratch.length < bytesMax) scratch = new Uint8Array(bytesMax);
  const { written } = encoder.encodeInto(text.slice(0, bytesMax), scratch.subarray(0, bytesMax));
  return decoder.decode(scratch.subarray(0, written));
}

/** Bytes of UTF-8 that `JSON.stringify` makes of a well-formed text, with its quotes. */
export function jsonBytes(text: string): number {
  let bytes = text.length + 2;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20) bytes += SHORT_ESCAPES.has(code) ? 1 : 5;
    else if (code === 0x22 || code === 0x5c) bytes += 1;
    else if (code >= 0x800) bytes += code >= 0xd800 && code <= 0xdfff ? 1 : 2;
    else if (code >= 0x80) bytes += 1;
  }
  return bytes;
}

/** \b \t \n \f \r */
const SHORT_ESCAPES = new Set([8, 9, 10, 12, 13]);
