import { logWords } from '../state/log-words.ts';
import { useStore } from './context.ts';

/** What the log is and how full, in the status line. */
export function LogFacts() {
  const log = useStore().stats.value?.log;
  return log === undefined ? null : <span class="wide">{logWords(log)}</span>;
}
