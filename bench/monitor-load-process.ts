/** `monitor-load-process.ts probes|steady|burst|history <server url> <numbers>`: a load from a process of its own. */
import { sendBurst, sendHistory, sendProbes, sendSteadily } from './monitor-load.ts';

export interface Load {
  /** Activities that were taken by the server. */
  sent: number;
  tookMs: number;
  /** Only of probes: name, and when it was sent, ms since the epoch. */
  probes: [string, number][];
}

async function send(way: string, url: string, first: number, second: number): Promise<Load> {
  const beginMs = performance.now();
  const probes = way === 'probes' ? await sendProbes(url, first, second) : [];
  const ways = {
    steady: () => sendSteadily(url, first, second),
    burst: () => sendBurst(url, first),
    history: () => sendHistory(url, first),
  };
  const sent = Object.hasOwn(ways, way) ? await ways[way as keyof typeof ways]() : 0;
  return { sent, probes, tookMs: performance.now() - beginMs };
}

const [way = '', url = '', first, second] = process.argv.slice(2);
console.log(JSON.stringify(await send(way, url, Number(first), Number(second))));
