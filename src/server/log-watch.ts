import type { Bus } from '../bus/bus.ts';
import { log } from '../diag.ts';

const LOOK_MS = 1_000;

/** Tells the operator, once each time, that the log went away, that it came back, and what its connection warns of. */
export function watchLog(bus: Bus): { close(): void } {
  let wasWell = true;
  const warned = new Set<string>();

  function look(): void {
    const { connected, problem, warnings } = bus.status();
    for (const warning of warnings) {
      if (warned.has(warning)) continue;
      warned.add(warning);
      log.warn(`${bus.description}: ${warning}`);
    }
    const isWell = connected && problem === undefined;
    if (isWell === wasWell) return;
    wasWell = isWell;
    if (isWell) log.warn(`The log can be used again: ${bus.description}`);
    else log.warn(`The log cannot be used: ${problem?.message ?? 'not connected yet'}; still trying`);
  }

  const timer = setInterval(look, LOOK_MS).unref();
  return { close: () => clearInterval(timer) };
}
