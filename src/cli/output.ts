import { once } from 'node:events';
import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

/** Where a command writes. What a program may read goes to `out`; sentences for people beside it go to `err`. */
export interface Output {
  /** One line to stdout; resolves when more may be written. */
  out(line: string): Promise<void>;
  /** One line to stderr. */
  err(line: string): void;
  /** With colour where stdout is a terminal and neither NO_COLOR nor NODE_DISABLE_COLORS is set (or FORCE_COLOR is). */
  paint(style: Style, text: string): string;
  /** The same for stderr. */
  paintErr(style: Style, text: string): string;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  /** Aborted when nobody reads stdout any more (`livespan tail | head`). */
  readonly unread: AbortSignal;
}

export function createOutput(): Output {
  const unread = new AbortController();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = 1;
    unread.abort();
  });
  return {
    async out(line) {
      if (unread.signal.aborted || process.stdout.write(`${line}\n`)) return;
      // A pipe that is closed never drains.
      await once(process.stdout, 'drain', { signal: unread.signal }).catch(() => undefined);
    },
    err: (line) => console.error(line),
    paint: (style, text) => styleText(style, text, { stream: process.stdout }),
    paintErr: (style, text) => styleText(style, text, { stream: process.stderr }),
    isTerminal: process.stdout.isTTY === true,
    unread: unread.signal,
  };
}

/** Control characters written out: text from elsewhere must not move the cursor or colour the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
    return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
