/** Exit code of a command that Ctrl-C ended. */
export const INTERRUPTED = 130;

export interface Interrupt {
  /** Aborted at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** 130 after SIGINT; 0 after SIGTERM, which asks for a regular end, and when there was no signal. */
  exitCode(): number;
  /** Gives the signals back. */
  release(): void;
}

/** Turns the first SIGINT or SIGTERM into an orderly end; a second one ends the process at once. */
export function catchInterrupt(): Interrupt {
  const controller = new AbortController();
  let exitCode = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    if (name === 'SIGINT') exitCode = INTERRUPTED;
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    release() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
