export type { Activity, Severity } from './activity/activity.ts';
export { LivespanError } from './errors.ts';
export { openFeed } from './feed/feed-door.ts';
export type { FeedMessage, OpenFeedOptions } from './feed/open-feed.ts';
export { setCallId, withCallId } from './sdk/call-id.ts';
export { type EmitOptions, emitEvent } from './sdk/emitter.ts';
export { traceGateway } from './sdk/gateway-door.ts';
export { LiveSpanExporter } from './sdk/live-span-exporter.ts';
export { LiveSpanProcessor } from './sdk/live-span-processor.ts';
export {
  createPublisher,
  type Publisher,
  type PublisherOptions,
  type PublisherStats,
  registerPublisher,
} from './sdk/publisher.ts';
export type { LiveSpanOptions } from './sdk/span-types.ts';
export { startTelemetry } from './sdk/start-telemetry.ts';
export type { Telemetry, TelemetryOptions } from './sdk/telemetry.ts';
export type { TraceGatewayOptions } from './sdk/trace-gateway.ts';
