/**
 * The option table: name, type, default, limits and one sentence, once. Code, `--help` and the README table read it. An option `queueBytesMax` is the flag `--queue-bytes-max` and `LIVESPAN_QUEUE_BYTES_MAX`.
 */
interface OptionBase {
  doc: string;
  /** Who takes it: the SDK in an application, the server, the command line's readers. */
  scope: readonly ('sdk' | 'server' | 'reader')[];
  /** Another environment variable than the one made from the name. */
  env?: string;
}
interface TextOption extends OptionBase {
  type: 'text';
  default?: string;
  pattern?: RegExp;
  expected?: string;
  /** Never shown by `--help`, `doctor` or in an error. */
  secret?: true;
}
interface NumberOption extends OptionBase {
  type: 'integer' | 'ms' | 'bytes';
  default?: number;
  min: number;
  max: number;
}
interface FlagOption extends OptionBase {
  type: 'flag';
  default: boolean;
}
interface ChoiceOption extends OptionBase {
  type: 'choice';
  choices: readonly string[];
  default: string;
}
interface ListOption extends OptionBase {
  type: 'list';
  default: readonly string[];
}
export type OptionSpec = TextOption | NumberOption | FlagOption | ChoiceOption | ListOption;

const MIB = 1_048_576;
const FEED_NAME = /^(?!.*:\d+$)[A-Za-z0-9._:-]{1,100}$/;

export const TABLE = {
  url: {
    type: 'text',
    scope: ['sdk', 'server', 'reader'],
    doc: 'Where the log is: redis://…, rediss://…, redis+sentinel://h1:p,h2:p/name, http(s)://… (a livespan server), memory:',
    secret: true,
  },
  feed: {
    type: 'text',
    scope: ['sdk', 'server', 'reader'],
    default: 'livespan:activity',
    pattern: FEED_NAME,
    expected: '1 to 100 of A-Z a-z 0-9 . _ : -, the last segment not all digits',
    doc: 'Name of the feed: stream key and channel',
  },
  token: {
    type: 'text',
    scope: ['sdk', 'server', 'reader'],
    pattern: /^[\x21-\x7e]{8,512}$/,
    expected: '8 to 512 printable characters without spaces',
    doc: 'Bearer token that the server asks for, and that clients send',
    secret: true,
  },
  host: {
    type: 'text',
    scope: ['server'],
    default: '127.0.0.1',
    doc: 'Address to listen on; anything but loopback needs a token',
  },
  port: {
    type: 'integer',
    scope: ['server'],
    default: 4319,
    min: 0,
    max: 65_535,
    doc: 'HTTP port; 0 takes a free one',
  },
  otlpGrpcPort: {
    type: 'integer',
    scope: ['server'],
    default: 4317,
    min: 0,
    max: 65_535,
    doc: 'OTLP/gRPC port; 0 takes a free one',
  },
  otlpHttpPort: {
    type: 'integer',
    scope: ['server'],
    default: 4318,
    min: 0,
    max: 65_535,
    doc: 'OTLP/HTTP port; 0 takes a free one',
  },
  otlpTlsCertificate: { type: 'text', scope: ['server'], doc: 'PEM file: the OTLP doors speak TLS' },
  otlpTlsKey: { type: 'text', scope: ['server'], doc: 'PEM file: key of that certificate' },
  otlpTlsClientCa: { type: 'text', scope: ['server'], doc: 'PEM file: OTLP clients need a certificate that it signed' },
  otlpKeepLive: {
    type: 'flag',
    scope: ['server'],
    default: false,
    doc: 'Keep OTLP items that a livespan SDK has put on the feed already',
  },
  otlp: { type: 'flag', scope: ['server'], default: true, doc: 'Open the OTLP doors' },
  allowedHost: {
    type: 'list',
    scope: ['server'],
    default: [],
    doc: 'Host header names to accept beside loopback names',
  },
  logCountMax: {
    type: 'integer',
    scope: ['sdk', 'server'],
    default: 100_000,
    min: 100,
    max: 100_000_000,
    doc: 'Activities the log keeps (a lower bound on Redis)',
  },
  logBytesMax: {
    type: 'bytes',
    scope: ['server'],
    default: 256 * MIB,
    min: MIB,
    max: 64 * 1024 * MIB,
    doc: 'Bytes the embedded log keeps',
  },
  logAgeMaxMs: {
    type: 'ms',
    scope: ['sdk', 'server'],
    default: 0,
    min: 0,
    max: 10 * 365 * 86_400_000,
    doc: 'Age at which activities may be trimmed; 0 is never',
  },
  ringCountMax: {
    type: 'integer',
    scope: ['server', 'reader'],
    default: 20_000,
    min: 128,
    max: 10_000_000,
    doc: 'Activities held in memory for live readers',
  },
  ringBytesMax: {
    type: 'bytes',
    scope: ['server', 'reader'],
    default: 64 * MIB,
    min: MIB,
    max: 16 * 1024 * MIB,
    doc: 'Bytes held in memory for live readers',
  },
  readersMax: { type: 'integer', scope: ['server'], default: 2_000, min: 1, max: 100_000, doc: 'SSE readers in total' },
  readersPerAddressMax: {
    type: 'integer',
    scope: ['server'],
    default: 2_000,
    min: 1,
    max: 100_000,
    doc: 'SSE readers from one address',
  },
  overrun: {
    type: 'choice',
    scope: ['server'],
    choices: ['catch-up', 'skip', 'sample', 'disconnect'],
    default: 'catch-up',
    doc: 'What happens to a reader that falls out of the ring',
  },
  heartbeatMs: {
    type: 'ms',
    scope: ['server'],
    default: 15_000,
    min: 100,
    max: 300_000,
    doc: 'Silence after which an SSE reader gets a heartbeat',
  },
  bodyBytesMax: {
    type: 'bytes',
    scope: ['server'],
    default: 8 * MIB,
    min: 1_024,
    max: 256 * MIB,
    doc: 'Largest request body, after decompression',
  },
  instanceSilentMs: {
    type: 'ms',
    scope: ['server'],
    default: 30_000,
    min: 500,
    max: 3_600_000,
    doc: 'Silence after which an instance counts as lost',
  },
  queueCountMax: {
    type: 'integer',
    scope: ['sdk'],
    default: 20_000,
    min: 128,
    max: 10_000_000,
    doc: 'Activities the SDK holds while the log cannot take them',
  },
  queueBytesMax: {
    type: 'bytes',
    scope: ['sdk'],
    default: 16 * MIB,
    min: 65_536,
    max: 4 * 1024 * MIB,
    doc: 'Bytes the SDK holds while the log cannot take them',
  },
  flushDelayMs: {
    type: 'ms',
    scope: ['sdk'],
    default: 0,
    min: 0,
    max: 1_000,
    doc: '0 sends at once; 5 costs 2–3 × less CPU for 4 ms of delay',
  },
  closeTimeoutMs: {
    type: 'ms',
    scope: ['sdk'],
    default: 2_000,
    min: 0,
    max: 60_000,
    doc: 'Longest wait for the last activities at the end',
  },
  attributesMax: { type: 'integer', scope: ['sdk'], default: 124, min: 1, max: 124, doc: 'Attributes an activity' },
  attributeBytesMax: {
    type: 'bytes',
    scope: ['sdk'],
    default: 4_096,
    min: 16,
    max: MIB,
    doc: 'Length of a string value, UTF-8 bytes',
  },
  activityBytesMax: {
    type: 'bytes',
    scope: ['sdk'],
    default: 65_536,
    min: 1_024,
    max: MIB,
    doc: 'Size of one activity',
  },
  redact: {
    type: 'list',
    scope: ['sdk', 'server'],
    default: [],
    doc: 'Further attribute keys to redact (globs), beside the built-in ones',
  },
  traceUrl: {
    type: 'text',
    scope: ['server'],
    pattern: /^https?:\/\/\S*\{traceId\}\S*$/,
    expected: 'an http(s) address with {traceId} in it',
    doc: 'Link into a trace backend, as the monitor offers it: https://grafana.example/explore?…{traceId}…',
  },
  events: {
    type: 'choice',
    scope: ['sdk'],
    choices: ['span', 'log', 'both'],
    default: 'span',
    doc: 'What emitEvent writes on the OpenTelemetry side',
  },
  live: {
    type: 'choice',
    scope: ['sdk'],
    choices: ['all', 'sampled'],
    default: 'all',
    doc: 'Which spans go to the feed; `sampled` saves the cost of the others',
  },
  instance: {
    type: 'text',
    scope: ['sdk'],
    pattern: /^[\x21-\x7e]{1,200}$/,
    expected: '1 to 200 printable characters without spaces',
    doc: 'service.instance.id, instead of host:pid-xxxx',
  },
  workers: { type: 'flag', scope: ['sdk'], default: false, doc: 'Let `livespan/register` work in worker threads too' },
} as const satisfies Record<string, OptionSpec>;
