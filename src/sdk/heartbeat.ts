/** An instance that says nothing for 30 s counts as lost. */
const IDLE_MS = 10_000;

/** A sign of life every 10 s in which nothing else was one. Keeps no process alive. */
export function createHeartbeat(beat: () => void): { start(): void; postpone(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    start() {
      timer ??= setInterval(beat, IDLE_MS).unref();
    },
    postpone() {
      timer?.refresh();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
