import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const COLLECTOR_MANIFEST = join(import.meta.dirname, '../../collector/builder.yaml');

/** A program that we did not write and that our tests talk to. */
export type PeerName = 'collector' | 'telemetrygen' | 'tempo' | 'compose';

export interface Peer {
  name: PeerName;
  version: string;
  /** What it is to the tests, for people. */
  title: string;
  /** Where it is, or will be, in the cache. */
  path: string;
  /** How Go builds it. */
  source:
    | { by: 'install'; module: string }
    | { by: 'collector-builder' }
    | { by: 'module'; module: string; main: string };
  /** The image that holds the same program, and where in it; absent where docker compose itself does the work. */
  image?: { name: string; path: string };
}

const COLLECTOR_VERSION = '0.161.0';
export const COLLECTOR_BUILDER_MODULE = `go.opentelemetry.io/collector/cmd/builder@v${COLLECTOR_VERSION}`;

/** `$XDG_CACHE_HOME/livespan/peers`, by default under `~/.cache`. */
export function peersFolder(): string {
  const given = process.env.XDG_CACHE_HOME ?? '';
  return join(given.startsWith('/') ? given : join(homedir(), '.cache'), 'livespan', 'peers');
}

/** All peers, each with a file name that changes whenever what is in it would. */
export function listPeers(): readonly Peer[] {
  const bin = join(peersFolder(), 'bin');
  const manifest = createHash('sha256').update(manifestText()).digest('hex').slice(0, 12);
  return [
    {
      name: 'collector',
      version: COLLECTOR_VERSION,
      title: `OpenTelemetry Collector ${COLLECTOR_VERSION}`,
      path: join(bin, `otelcol-${COLLECTOR_VERSION}-${manifest}`),
      source: { by: 'collector-builder' },
      image: { name: `otel/opentelemetry-collector-contrib:${COLLECTOR_VERSION}`, path: '/otelcol-contrib' },
    },
    {
      name: 'telemetrygen',
      version: COLLECTOR_VERSION,
      title: `telemetrygen ${COLLECTOR_VERSION}`,
      path: join(bin, `telemetrygen-${COLLECTOR_VERSION}`),
      source: {
        by: 'install',
        module: `github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v${COLLECTOR_VERSION}`,
      },
      image: {
        name: `ghcr.io/open-telemetry/opentelemetry-collector-contrib/telemetrygen:v${COLLECTOR_VERSION}`,
        path: '/telemetrygen',
      },
    },
    {
      name: 'tempo',
      version: '2.9.0',
      title: 'Tempo 2.9.0',
      path: join(bin, 'tempo-2.9.0'),
      // Releases from 2 on are no module versions; this is the commit of the tag v2.9.0.
      source: {
        by: 'module',
        module: 'github.com/grafana/tempo@v1.5.1-0.20251008140505-607c7fb69662',
        main: './cmd/tempo',
      },
      image: { name: 'grafana/tempo:2.9.0', path: '/tempo' },
    },
    {
      name: 'compose',
      version: '2.16.2',
      title: 'compose-go 2.16.2, the parser of docker compose',
      path: join(bin, 'compose-go-2.16.2'),
      source: { by: 'install', module: 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2' },
    },
  ];
}

/** What of the manifest decides about the program: no comments, no empty lines. */
function manifestText(): string {
  const lines = readFileSync(COLLECTOR_MANIFEST, 'utf8').split('\n');
  return lines.filter((line) => !/^\s*(#|$)/.test(line)).join('\n');
}
