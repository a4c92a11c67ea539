import { accessSync, constants } from 'node:fs';
import { createEnvironmentReader, type EnvironmentReader } from './environment-reader.ts';
import { NUMBERS, type NumberName, unusedVariables } from './otel-variables.ts';

const PROTOCOLS = ['grpc', 'http/protobuf', 'http/json'] as const;
const SAMPLERS = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;
const LOG_LEVELS = ['none', 'error', 'warn', 'info', 'debug', 'verbose', 'all'] as const;

export type OtlpProtocol = (typeof PROTOCOLS)[number];
export type SamplerName = (typeof SAMPLERS)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How one signal leaves the process. */
export interface SignalSettings {
  exporters: readonly ('otlp' | 'console')[];
  protocol: OtlpProtocol;
  /** Where OTLP goes, for people: without credentials and query. */
  endpoint: string;
}

/** What the `OTEL_*` variables ask for. The OTLP exporters read theirs (endpoint, headers, certificates …) again. */
export interface OtelEnvironment {
  disabled: boolean;
  serviceName: string | undefined;
  resourceAttributes: Readonly<Record<string, string>>;
  logLevel: LogLevel | undefined;
  propagators: readonly ('tracecontext' | 'baggage')[];
  sampler: { name: SamplerName; ratio: number };
  traces: SignalSettings;
  /** Absent where `emitEvent` writes no log records. */
  logs: SignalSettings | undefined;
  numbers: Readonly<Record<NumberName, number>>;
  /** Sentences for the user: what was not understood, and what is used instead. */
  warnings: readonly string[];
  /** Variables that are set and have no effect. */
  unused: readonly string[];
}

/** Reads and checks them; never throws: a wrong variable is a warning, and the default holds (as the specification asks). */
export function readOtelEnvironment(env: Readonly<NodeJS.ProcessEnv>, withLogs: boolean): OtelEnvironment {
  const reader = createEnvironmentReader(env);
  const numbers = Object.entries(NUMBERS).map(([name, { min, fallback, general }]) => {
    const names = general === undefined ? [name] : [name, general];
    return [name, reader.wholeNumber(names, min, fallback)];
  });
  return {
    disabled: reader.flag('OTEL_SDK_DISABLED'),
    serviceName: reader.text('OTEL_SERVICE_NAME'),
    resourceAttributes: readAttributes(reader),
    logLevel: reader.text('OTEL_LOG_LEVEL') ? reader.choice('OTEL_LOG_LEVEL', LOG_LEVELS, 'info') : undefined,
    propagators: reader.list('OTEL_PROPAGATORS', ['tracecontext', 'baggage'], ['tracecontext', 'baggage']),
    sampler: readSampler(reader),
    traces: readSignal(reader, 'TRACES'),
    logs: withLogs ? readSignal(reader, 'LOGS') : undefined,
    numbers: Object.fromEntries(numbers) as Record<NumberName, number>,
    warnings: [...new Set(reader.warnings)],
    unused: unusedVariables(env, withLogs),
  };
}

function readSampler({ choice, text, warnings }: EnvironmentReader): OtelEnvironment['sampler'] {
  const name = choice('OTEL_TRACES_SAMPLER', SAMPLERS, 'parentbased_always_on');
  if (!name.endsWith('traceidratio')) return { name, ratio: 1 };
  const argument = text('OTEL_TRACES_SAMPLER_ARG');
  const ratio = Number(argument ?? Number.NaN);
  if (ratio >= 0 && ratio <= 1) return { name, ratio };
  warnings.push(
    `OTEL_TRACES_SAMPLER_ARG${argument === undefined ? ' is not set' : `=${argument}`}: ` +
      `${name} takes a number from 0 to 1; 1 is used.`,
  );
  return { name, ratio: 1 };
}

/** `key=value` pairs, percent-encoded; one that cannot be decoded discards them all (Resource SDK specification). */
function readAttributes({ text, warnings }: EnvironmentReader): Record<string, string> {
  const attributes: Record<string, string> = {};
  try {
    for (const pair of (text('OTEL_RESOURCE_ATTRIBUTES') ?? '').split(',')) {
      if (pair.trim() === '') continue;
      const [, key, value] = /^\s*([^=]+?)\s*=(.*)$/s.exec(pair) ?? [];
      if (key === undefined || value === undefined) throw new TypeError('not a pair');
      Object.assign(attributes, Object.fromEntries([[decodeURIComponent(key), decodeURIComponent(value.trim())]]));
    }
    return attributes;
  } catch {
    warnings.push('OTEL_RESOURCE_ATTRIBUTES is not a list of key=value in percent-encoding and left out.');
    return {};
  }
}

function readSignal(reader: EnvironmentReader, signal: 'TRACES' | 'LOGS'): SignalSettings {
  /** The signal's own variable where it is set, else the general one. */
  const nameOf = (what: string) => {
    const own = `OTEL_EXPORTER_OTLP_${signal}_${what}`;
    return reader.text(own) === undefined ? `OTEL_EXPORTER_OTLP_${what}` : own;
  };
  const exporters = reader.list(`OTEL_${signal}_EXPORTER`, ['otlp', 'console'], ['otlp']);
  const protocol = reader.choice(nameOf('PROTOCOL'), PROTOCOLS, 'grpc');
  if (exporters.includes('otlp')) checkOtlp(reader, protocol, nameOf);
  return { exporters, protocol, endpoint: describeEndpoint(reader.text(nameOf('ENDPOINT')), protocol) };
}

/** The exporters leave out what they cannot use and tell it to OpenTelemetry's diagnostics alone. */
function checkOtlp(reader: EnvironmentReader, protocol: OtlpProtocol, nameOf: (what: string) => string): void {
  const { text, warnings } = reader;
  const endpoint = text(nameOf('ENDPOINT'));
  if (endpoint !== undefined && protocol !== 'grpc' && !/^https?:\/\/[^\s/]/i.test(endpoint)) {
    warnings.push(`${nameOf('ENDPOINT')} does not begin with http:// or https://: the default is used.`);
  }
  reader.choice(nameOf('COMPRESSION'), ['none', 'gzip'], 'none');
  reader.wholeNumber([nameOf('TIMEOUT')], 1, 10_000);
  reader.flag(nameOf('INSECURE'));
  for (const name of ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].map(nameOf)) {
    const file = text(name);
    if (file !== undefined && !isReadable(file)) warnings.push(`${name}: ${file} cannot be read and is left out.`);
  }
  const [key, certificate] = [nameOf('CLIENT_KEY'), nameOf('CLIENT_CERTIFICATE')];
  if ((text(key) === undefined) !== (text(certificate) === undefined)) {
    warnings.push(`${key} and ${certificate} need one another and are left out.`);
  }
}

function describeEndpoint(endpoint: string | undefined, protocol: OtlpProtocol): string {
  const text = endpoint ?? (protocol === 'grpc' ? 'http://localhost:4317' : 'http://localhost:4318');
  return `${text.replace(/\/\/[^/]*@/, '//').replace(/[?#].*$/, '')} by ${protocol}`;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
