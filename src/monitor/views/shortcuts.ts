/** What the sheet of keys says; `keyboard.ts` does it. */
export const SHORTCUTS: readonly [keys: string, words: string][] = [
  ['/', 'filter'],
  ['j k ↓ ↑', 'move'],
  ['Enter', 'open'],
  ['Esc', 'close'],
  ['Space', 'pause, go on'],
  ['G', 'back to live'],
  ['g l, g t, g c, g s, g h', 'Live, Traces, Calls, Services, Health'],
  ['e', 'errors only'],
  ['r', 'running only'],
  ['[ ]', 'previous, next in the trace'],
  ['c', 'copy as JSON'],
  ['y', 'copy the link'],
  ['t', 'replay'],
  ['← → Shift+→ Enter', 'in the durations: move, widen, filter'],
  ['?', 'these keys'],
];
