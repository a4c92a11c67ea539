import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readOtelEnvironment } from '../../src/sdk/otel-environment.ts';

const read = (env: Record<string, string>, withLogs = false) => readOtelEnvironment(env, withLogs);

test('nothing set is the specification, with gRPC, and nothing to say', () => {
  expect(read({})).toMatchObject({
    disabled: false,
    serviceName: undefined,
    logLevel: undefined,
    propagators: ['tracecontext', 'baggage'],
    sampler: { name: 'parentbased_always_on' },
    traces: { exporters: ['otlp'], protocol: 'grpc', endpoint: 'http://localhost:4317 by grpc' },
    logs: undefined,
    numbers: { OTEL_BSP_SCHEDULE_DELAY: 5_000, OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: 128, OTEL_SPAN_EVENT_COUNT_LIMIT: 128 },
    warnings: [],
    unused: [],
  });
});

test('an empty value is none', () => {
  expect(read({ OTEL_TRACES_EXPORTER: '', OTEL_BSP_SCHEDULE_DELAY: ' ', OTEL_UNKNOWN: '' })).toEqual(read({}));
});

describe('choices', () => {
  test.each([
    ['OTEL_SDK_DISABLED', 'TRUE', { disabled: true }],
    ['OTEL_SERVICE_NAME', 'shop', { serviceName: 'shop' }],
    ['OTEL_LOG_LEVEL', 'debug', { logLevel: 'debug' }],
    ['OTEL_PROPAGATORS', 'baggage', { propagators: ['baggage'] }],
    ['OTEL_PROPAGATORS', 'none', { propagators: [] }],
    ['OTEL_TRACES_EXPORTER', 'console, otlp', { traces: { exporters: ['otlp', 'console'] } }],
    ['OTEL_TRACES_EXPORTER', 'none', { traces: { exporters: [] } }],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json', { traces: { protocol: 'http/json' } }],
    ['OTEL_TRACES_SAMPLER', 'always_off', { sampler: { name: 'always_off' } }],
  ])('%s=%s', (name, value, expected) => {
    const environment = read({ [name]: value });
    expect(environment).toMatchObject(expected);
    expect(environment.warnings).toEqual([]);
  });

  test('the variable of the signal wins over the general one', () => {
    const environment = read(
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' },
      true,
    );
    expect([environment.traces.protocol, environment.logs?.protocol]).toEqual(['http/protobuf', 'grpc']);
  });

  test('resource attributes are percent-decoded', () => {
    const { resourceAttributes } = read({ OTEL_RESOURCE_ATTRIBUTES: 'team=a%2Cb, region = eu ,empty=' });
    expect(resourceAttributes).toEqual({ team: 'a,b', region: 'eu', empty: '' });
  });

  test('a ratio', () => {
    expect(read({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' })).toMatchObject({
      sampler: { name: 'traceidratio', ratio: 0.25 },
      warnings: [],
    });
  });

  test('limits of spans follow the general ones', () => {
    const { numbers } = read({
      OTEL_ATTRIBUTE_COUNT_LIMIT: '10',
      OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '20',
      OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '30',
      OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: '5',
    });
    expect(numbers).toMatchObject({
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: 10,
      OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: 10,
      OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: 30,
      OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: 5,
    });
  });
});

describe('what is wrong is said, and the default holds', () => {
  test.each([
    ['OTEL_SDK_DISABLED', 'yes', { disabled: false }],
    ['OTEL_LOG_LEVEL', 'loud', { logLevel: 'info' }],
    ['OTEL_PROPAGATORS', 'b3,tracecontext', { propagators: ['tracecontext'] }],
    ['OTEL_TRACES_EXPORTER', 'zipkin', { traces: { exporters: [] } }],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'http', { traces: { protocol: 'grpc' } }],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'br', {}],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '-1', {}],
    ['OTEL_EXPORTER_OTLP_INSECURE', '1', {}],
    ['OTEL_EXPORTER_OTLP_CERTIFICATE', '/no/such/file.pem', {}],
    ['OTEL_EXPORTER_OTLP_CLIENT_KEY', import.meta.filename, {}],
    ['OTEL_TRACES_SAMPLER', 'sometimes', { sampler: { name: 'parentbased_always_on' } }],
    ['OTEL_TRACES_SAMPLER', 'traceidratio', { sampler: { ratio: 1 } }],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=%zz', { resourceAttributes: {} }],
    ['OTEL_RESOURCE_ATTRIBUTES', 'novalue', { resourceAttributes: {} }],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0', { numbers: { OTEL_BSP_MAX_QUEUE_SIZE: 2_048 } }],
    ['OTEL_SPAN_EVENT_COUNT_LIMIT', 'many', { numbers: { OTEL_SPAN_EVENT_COUNT_LIMIT: 128 } }],
  ])('%s=%s', (name, value, expected) => {
    const environment = read({ [name]: value });
    expect(environment).toMatchObject(expected);
    expect(environment.warnings).toHaveLength(1);
    expect(environment.warnings[0]).toContain(name);
  });

  test('an HTTP endpoint without scheme', () => {
    const { warnings } = read({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    });
    expect(warnings[0]).toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
  });

  test('both halves of a client certificate are fine', () => {
    const folder = mkdtempSync(join(tmpdir(), 'livespan-'));
    const file = join(folder, 'cert.pem');
    writeFileSync(file, 'x');
    const env = { OTEL_EXPORTER_OTLP_CLIENT_KEY: file, OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file };
    expect(read(env).warnings).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

test('credentials in an endpoint are never shown', () => {
  const { traces } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:secret@tempo:443/otlp?key=secret' });
  expect(traces.endpoint).toBe('https://tempo:443/otlp by grpc');
});

test('every other variable is named once; those of logs count where log records are written', () => {
  const env = {
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://localhost:4317',
    OTEL_BLRP_SCHEDULE_DELAY: '10',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=b',
    OTEL_SEMCONV_STABILITY_OPT_IN: 'http',
    OTEL_NODE_RESOURCE_DETECTORS: 'all',
    LIVESPAN_URL: 'memory:',
  };
  expect(read(env).unused).toEqual([
    'OTEL_BLRP_SCHEDULE_DELAY',
    'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
    'OTEL_LOGS_EXPORTER',
    'OTEL_METRICS_EXPORTER',
    'OTEL_NODE_RESOURCE_DETECTORS',
  ]);
  expect(read(env, true).unused).toEqual(['OTEL_METRICS_EXPORTER', 'OTEL_NODE_RESOURCE_DETECTORS']);
  expect(read({ OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' }).unused).toEqual([]);
});
