import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Set while an exporter works, also in what it starts. */
const exporting = new AsyncLocalStorage<true>();
let watching = false;

/**
 * Runs an export so that it keeps no process alive: a Collector that accepts and never answers would hold a script that is
 * done for the time-out of the export (10 s), and exporters have no option for that.
 */
export function runUnheld<T>(fn: () => T): T {
  if (!watching) {
    watching = true;
    channel('net.client.socket').subscribe(release);
  }
  return exporting.run(true, fn);
}

function release(message: unknown): void {
  if (exporting.getStore() === undefined) return;
  const { socket } = message as { socket: Socket };
  socket.unref();
  // An agent that takes a socket out of its pool, and an HTTP/2 session with a stream, take hold of it again.
  socket.ref = () => socket;
}
