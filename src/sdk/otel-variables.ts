/**
 * The `OTEL_*` variables that the set-up honours, by OpenTelemetry's "Environment Variable Specification" and "OTLP
 * Exporter Configuration". Every other one that is set is told in one warning.
 */
export const OTLP_SETTINGS = [
  'ENDPOINT',
  'PROTOCOL',
  'HEADERS',
  'TIMEOUT',
  'COMPRESSION',
  'CERTIFICATE',
  'CLIENT_CERTIFICATE',
  'CLIENT_KEY',
  'INSECURE',
] as const;

interface NumberRule {
  min: number;
  /** The specification's default. */
  fallback: number;
  /** What holds where this one is not set. */
  general?: string;
}

const NO_LIMIT = Number.POSITIVE_INFINITY;
const COUNT = { min: 0, fallback: 128 };
const LENGTH = { min: 1, fallback: NO_LIMIT };
const ATTRIBUTE_COUNT = { ...COUNT, general: 'OTEL_ATTRIBUTE_COUNT_LIMIT' };
const ATTRIBUTE_LENGTH = { ...LENGTH, general: 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT' };

const NUMBER_RULES = {
  OTEL_BSP_SCHEDULE_DELAY: { min: 0, fallback: 5_000 },
  OTEL_BSP_EXPORT_TIMEOUT: { min: 1, fallback: 30_000 },
  OTEL_BSP_MAX_QUEUE_SIZE: { min: 1, fallback: 2_048 },
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: { min: 1, fallback: 512 },
  OTEL_BLRP_SCHEDULE_DELAY: { min: 0, fallback: 1_000 },
  OTEL_BLRP_EXPORT_TIMEOUT: { min: 1, fallback: 30_000 },
  OTEL_BLRP_MAX_QUEUE_SIZE: { min: 1, fallback: 2_048 },
  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: { min: 1, fallback: 512 },
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: ATTRIBUTE_COUNT,
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: ATTRIBUTE_LENGTH,
  OTEL_SPAN_EVENT_COUNT_LIMIT: COUNT,
  OTEL_SPAN_LINK_COUNT_LIMIT: COUNT,
  OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: COUNT,
  OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: COUNT,
  OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: ATTRIBUTE_COUNT,
  OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT: ATTRIBUTE_LENGTH,
} satisfies Record<string, NumberRule>;
export type NumberName = keyof typeof NUMBER_RULES;
export const NUMBERS: Readonly<Record<NumberName, NumberRule>> = NUMBER_RULES;

/** Of the log side: honoured where `emitEvent` writes log records. */
const LOGS = [
  'OTEL_LOGS_EXPORTER',
  ...OTLP_SETTINGS.map((name) => `OTEL_EXPORTER_OTLP_LOGS_${name}`),
  ...Object.keys(NUMBERS).filter((name) => /^OTEL_(BLRP|LOGRECORD)_/.test(name)),
];

const ALWAYS = [
  'OTEL_SDK_DISABLED',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_LOG_LEVEL',
  'OTEL_PROPAGATORS',
  'OTEL_TRACES_EXPORTER',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_ATTRIBUTE_COUNT_LIMIT',
  'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  ...OTLP_SETTINGS.flatMap((name) => [`OTEL_EXPORTER_OTLP_${name}`, `OTEL_EXPORTER_OTLP_TRACES_${name}`]),
  ...Object.keys(NUMBERS).filter((name) => !LOGS.includes(name)),
  // Read by the HTTP instrumentation itself.
  'OTEL_SEMCONV_STABILITY_OPT_IN',
  'OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS',
];

/** Names that are set and have no effect here. What asks for nothing (`none`) has its effect. */
export function unusedVariables(env: Readonly<NodeJS.ProcessEnv>, withLogs: boolean): string[] {
  const used = new Set(withLogs ? [...ALWAYS, ...LOGS] : ALWAYS);
  return Object.keys(env)
    .filter((name) => name.startsWith('OTEL_') && !used.has(name))
    .filter((name) => env[name] !== '' && !(/^OTEL_(LOGS|METRICS)_EXPORTER$/.test(name) && env[name] === 'none'))
    .sort();
}
