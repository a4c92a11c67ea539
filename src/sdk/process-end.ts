import { log } from '../diag.ts';
import { threadsModule } from './load-module.ts';

/** Something that has to send its last words before the process ends. None of these may reject for ever or throw. */
export interface LastWords {
  /** Longest wait, ms. */
  timeoutMs: number;
  /** The application handles the end itself and may live on: only send what there is. */
  flush(): Promise<void>;
  /** The process ends, as far as anyone knows: send what there is and say goodbye, but be ready to go on. */
  leave(): Promise<void>;
  /** It dies as soon as this returns, without another turn of the event loop. */
  rescue?(): void;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** As the first process of a container one survives a signal that nobody handles; then we watch again. */
const SURVIVED_MS = 1_000;

const parties = new Set<LastWords>();
let installed = false;
let leavingFor: Signal | undefined;

/**
 * The only place with process events. Exit code, signal and what Node prints stay as they are without us:
 * - the event loop runs empty: everything is sent (`beforeExit`), then the process ends as it would have;
 * - a signal nobody else handles: everything is sent, our listener steps aside, the signal is raised again;
 * - a signal the application handles: it is sent beside that;
 * - an uncaught exception or rejection: `rescue`, then Node goes on to print and to exit. One the application handles: flush.
 * `process.exit()` cannot wait: it loses what was not sent.
 * @returns a function that takes the party out again
 */
export function watchProcessEnd(party: LastWords): () => void {
  parties.add(party);
  install();
  return () => {
    parties.delete(party);
    if (parties.size === 0) uninstall();
  };
}

function install(): void {
  if (installed) return;
  installed = true;
  process.on('beforeExit', onBeforeExit);
  process.on('uncaughtExceptionMonitor', onUncaught);
  // Signals reach the main thread only.
  if (!threadsModule().isMainThread) return;
  process.on('newListener', onNewListener);
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
}

function uninstall(): void {
  installed = false;
  process.removeListener('beforeExit', onBeforeExit);
  process.removeListener('uncaughtExceptionMonitor', onUncaught);
  process.removeListener('newListener', onNewListener);
  for (const signal of SIGNALS) process.removeListener(signal, onSignal);
}

/** All at once, each within its own limit; `leave` and `flush` end by themselves and are not trusted to. */
async function all(what: 'flush' | 'leave'): Promise<void> {
  const waits = [...parties].map((party) => {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, party.timeoutMs);
      party[what]()
        .catch((error: unknown) => log.warn(`at the end of the process: ${what}`, error))
        .finally(() => {
          clearTimeout(timer);
          resolve();
        });
    });
  });
  await Promise.all(waits);
}

function onBeforeExit(): void {
  // The waits inside hold the loop; with nothing to send there are none, and the process ends.
  void all('leave');
}

function onUncaught(): void {
  if (process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()) {
    void all('flush');
    return;
  }
  for (const party of parties) {
    try {
      party.rescue?.();
    } catch (error) {
      log.warn('the last activities could not be sent', error);
    }
  }
}

/** Being first, it sees the application's listeners also where they remove themselves when they run (`once`). */
function onNewListener(event: string | symbol, listener: unknown): void {
  const signal = SIGNALS.find((name) => name === event);
  if (signal === undefined || listener === onSignal) return;
  process.nextTick(() => {
    if (process.listeners(signal).includes(onSignal)) watchAgain(signal);
  });
}

function watchAgain(signal: Signal): void {
  process.removeListener(signal, onSignal);
  if (installed) process.prependListener(signal, onSignal);
}

function onSignal(signal: NodeJS.Signals): void {
  const known = SIGNALS.find((name) => name === signal);
  if (known === undefined) return;
  if (process.listeners(known).some((listener) => listener !== onSignal)) {
    // Out of the way: libraries that end the process only where nobody else listens must see that nobody does.
    process.removeListener(known, onSignal);
    void all('flush');
    setImmediate(() => watchAgain(known));
    return;
  }
  if (leavingFor !== undefined) {
    raise(known);
    return;
  }
  leavingFor = known;
  void all('leave').then(() => {
    leavingFor = undefined;
    // Not at once: Node prints warnings (the log that cannot be reached) at the next turn.
    setImmediate(() => raise(known));
  });
}

function raise(signal: Signal): void {
  process.removeListener(signal, onSignal);
  process.kill(process.pid, signal);
  setTimeout(() => watchAgain(signal), SURVIVED_MS).unref();
}
