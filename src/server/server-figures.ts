import type { LiveFeed } from '../feed/live-feed.ts';
import type { Receiver } from '../otlp/receive.ts';
import type { IngestFigures } from './ingest-routes.ts';
import type { InstanceWatch } from './instance-watch.ts';
import type { Figure } from './metrics.ts';
import type { StreamStats } from './sse.ts';

export interface FigureSources {
  feed: LiveFeed;
  stream: { stats(): StreamStats };
  ingest: IngestFigures;
  watch: InstanceWatch;
  sessions: { readonly size: number };
  /** Absent while no OTLP door is open. */
  otlp?: Receiver;
}

type Read = () => number;
type ReadMany = () => Readonly<Partial<Record<string, number>>>;

/** Everything the server counts, under its OpenTelemetry name. Each way to lose something has a figure of its own. */
export function serverFigures(sources: FigureSources): Figure[] {
  const { feed, ingest, watch, sessions } = sources;
  return [
    counter('livespan.ingest.requests', '{request}', 'Requests to POST /ingest', () => ingest.requests),
    counter('livespan.ingest.activities', '{activity}', 'Activities taken into the log', () => ingest.accepted),
    counter('livespan.ingest.duplicates', '{activity}', 'Activities sent again', () => ingest.duplicates),
    byLabel('livespan.ingest.rejected', '{activity}', 'Activities refused, by reason', 'reason', () => ingest.rejected),
    byLabel(
      'livespan.ingest.failed',
      '{request}',
      'Requests the log did not take, by reason',
      'reason',
      () => ingest.failed,
    ),
    gauge('livespan.log.connected', '', '1 while the log is reached', () => (feed.bus.status().connected ? 1 : 0)),
    counter('livespan.instances.lost', '{instance}', 'Instances this server found silent', () => watch.stats().lost),
    counter(
      'livespan.instances.watch_failures',
      '{turn}',
      'Turns of the watch that failed',
      () => watch.stats().failed,
    ),
    gauge('livespan.server.sessions', '{session}', 'Signed-in browsers', () => sessions.size),
    ...feedFigures(feed),
    ...readerFigures(() => sources.stream.stats()),
  ];
}

/** What the OTLP doors count. */
export function otlpFigures(receiver: Receiver): Figure[] {
  const counts = () => receiver.counts();
  return [
    counter('livespan.otlp.requests', '{request}', 'OTLP requests', () => counts().requests),
    byLabel('livespan.otlp.items', '{item}', 'OTLP items accepted, by signal', 'signal', () => ({
      spans: counts().spans,
      logs: counts().logs,
      metric_points: counts().metricPoints,
    })),
    counter('livespan.otlp.activities', '{activity}', 'Activities made of OTLP items', () => counts().activities),
    counter('livespan.otlp.already_live', '{item}', 'Items left out: on the feed already', () => counts().alreadyLive),
    counter('livespan.otlp.duplicates', '{chunk}', 'Chunks of requests sent again', () => counts().duplicateChunks),
    counter('livespan.otlp.rejected', '{item}', 'Items refused as bad', () => counts().rejected),
    counter('livespan.otlp.bad_requests', '{request}', 'Requests that could not be read', () => counts().badRequests),
    counter('livespan.otlp.too_large', '{request}', 'Requests that hold too much', () => counts().tooLarge),
    byLabel(
      'livespan.otlp.refused',
      '{request}',
      'Requests a door did not let in, by reason',
      'reason',
      () => counts().refused,
    ),
    counter('livespan.otlp.overloads', '{request}', 'Requests told to come again', () => counts().overloads),
  ];
}

function feedFigures(feed: LiveFeed): Figure[] {
  const status = () => feed.status();
  return [
    gauge('livespan.feed.connected', '', '1 while live delivery is up', () => (status().connected ? 1 : 0)),
    counter('livespan.feed.received', '{activity}', 'Activities received live', () => status().received),
    counter('livespan.feed.repaired', '{activity}', 'Activities read back from the log', () => status().repaired),
    counter('livespan.feed.duplicates', '{activity}', 'Live messages that came twice', () => status().duplicates),
    counter('livespan.feed.gaps', '{gap}', 'Holes that could not be filled', () => status().gaps),
    counter('livespan.feed.missed', '{activity}', 'Activities trimmed before they were read', () => status().missed),
    counter('livespan.feed.resets', '{reset}', 'Times the log turned out to be another', () => status().resets),
    counter('livespan.feed.foreign', '{message}', 'Entries and messages that are not ours', () => status().foreign),
    counter('livespan.feed.invalid', '{activity}', 'Entries that hold no valid activity', () => status().invalid),
    gauge('livespan.feed.ring.slots', '{slot}', 'Slots held in memory', () => feed.ring.head - feed.ring.tail),
    gauge('livespan.feed.ring.size', 'By', 'Memory the ring holds, estimated', () => feed.ring.bytes),
  ];
}

function readerFigures(stats: () => StreamStats): Figure[] {
  return [
    gauge('livespan.readers', '{reader}', 'Readers connected', () => stats().readers),
    gauge('livespan.readers.live', '{reader}', 'Readers at the head of the feed', () => stats().live),
    gauge('livespan.readers.lanes', '{lane}', 'Distinct filters and formats being read', () => stats().lanes),
    counter('livespan.readers.opened', '{reader}', 'Readers that came', () => stats().opened),
    counter(
      'livespan.readers.refused',
      '{reader}',
      'Readers refused because there were too many',
      () => stats().refused,
    ),
    byLabel('livespan.readers.ended', '{reader}', 'Readers that went, by reason', 'reason', () => stats().ended),
    counter('livespan.readers.overruns', '{overrun}', 'Times a reader fell out of the ring', () => stats().overruns),
    counter(
      'livespan.readers.skipped',
      '{activity}',
      'Activities readers were told they missed',
      () => stats().skippedEntries,
    ),
    counter('livespan.readers.replays', '{replay}', 'Times a reader went to the log', () => stats().replays),
    counter('livespan.readers.replay_failures', '{replay}', 'Replays the log failed', () => stats().replayFailures),
    counter('livespan.stream.frames', '{frame}', 'Frames given to readers', () => stats().frames),
    counter('livespan.stream.io', 'By', 'Bytes given to readers', () => stats().bytes),
    counter('livespan.stream.writes', '{write}', 'Writes to sockets', () => stats().writes),
    counter('livespan.stream.heartbeats', '{frame}', 'Heartbeats', () => stats().heartbeats),
    counter('livespan.filter.evaluations', '{evaluation}', 'Filters evaluated', () => stats().filterEvaluations),
  ];
}

function counter(name: string, unit: string, description: string, read: Read): Figure {
  return { name, kind: 'counter', unit, description, read: () => [{ value: read() }] };
}

function gauge(name: string, unit: string, description: string, read: Read): Figure {
  return { name, kind: 'gauge', unit, description, read: () => [{ value: read() }] };
}

function byLabel(name: string, unit: string, description: string, label: string, read: ReadMany): Figure {
  return {
    name,
    kind: 'counter',
    unit,
    description,
    read: () => Object.entries(read()).map(([value, count]) => ({ value: count ?? 0, attributes: { [label]: value } })),
  };
}
