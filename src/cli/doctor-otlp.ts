import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createRequire } from 'node:module';
import { environment } from '../config.ts';
import { LivespanError } from '../errors.ts';
import { readOtelEnvironment } from '../sdk/otel-environment.ts';
import { type Finding, finding } from './doctor-report.ts';
import { withoutCredentials } from './serving.ts';

const TIMEOUT_MS = 5_000;
const EXPORT_PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** Sends an empty trace export to where applications with these settings would send theirs. */
export async function examineOtlp(): Promise<Finding> {
  const { disabled, traces } = readOtelEnvironment(environment(), false);
  if (disabled) return finding('otlp', 'skipped', 'OTEL_SDK_DISABLED: nothing is exported');
  if (!traces.exporters.includes('otlp'))
    return finding('otlp', 'skipped', 'OTEL_TRACES_EXPORTER: nothing goes to OTLP');
  const given = setting('ENDPOINT');
  const isGrpc = traces.protocol === 'grpc';
  const endpoint = given ?? (isGrpc ? 'http://localhost:4317' : 'http://localhost:4318');
  const named = `${withoutCredentials(endpoint)} (${traces.protocol})`;
  const startMs = performance.now();
  try {
    if (isGrpc) await exportByGrpc(endpoint);
    else await exportByHttp(tracesUrl(endpoint), traces.protocol === 'http/json');
    return finding('otlp', 'ok', `${named} takes traces`, performance.now() - startMs);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    if (given !== undefined) return finding('otlp', 'failed', `${named}: ${why}`);
    return finding(
      'otlp',
      'warning',
      `${named}, the default: ${why}; traces are kept nowhere, the live feed does not depend on it`,
    );
  }
}

/** The signal's own variable wins (OTLP exporter specification, "Configuration Options"). */
function setting(name: string): string | undefined {
  const env = environment();
  return env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`] || undefined;
}

function tracesUrl(endpoint: string): URL {
  if (environment().OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return new URL(endpoint);
  return new URL('v1/traces', endpoint.endsWith('/') ? endpoint : `${endpoint}/`);
}

function headers(): [string, string][] {
  return (setting('HEADERS') ?? '').split(',').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=');
    return at < 1 ? [] : [[pair.slice(0, at).trim().toLowerCase(), decodeURIComponent(pair.slice(at + 1).trim())]];
  });
}

function certificate(name: string): Buffer | undefined {
  const file = setting(name);
  return file === undefined ? undefined : readFileSync(file);
}

function exportByHttp(url: URL, isJson: boolean): Promise<void> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const type = isJson ? 'application/json' : 'application/x-protobuf';
  const [ca, cert, key] = [certificate('CERTIFICATE'), certificate('CLIENT_CERTIFICATE'), certificate('CLIENT_KEY')];
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method: 'POST',
      headers: { ...Object.fromEntries(headers()), 'content-type': type },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...tls,
    });
    request.once('response', (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new LivespanError('invalid_request', `it answers ${response.statusCode} to an empty export`));
    });
    request.once('error', (error: NodeJS.ErrnoException) => {
      const silent = error.name === 'AbortError' || error.name === 'TimeoutError';
      reject(
        silent
          ? new LivespanError('timeout', `no answer within ${TIMEOUT_MS} ms`)
          : new Error(error.code ?? error.message),
      );
    });
    // An empty protobuf message has no bytes.
    request.end(isJson ? '{"resourceSpans":[]}' : '');
  });
}

function exportByGrpc(endpoint: string): Promise<void> {
  const grpc = createRequire(import.meta.url)('@grpc/grpc-js') as typeof import('@grpc/grpc-js');
  const { scheme, address } = /^(?:(?<scheme>https?):\/\/)?(?<address>[^/]+)/i.exec(endpoint)?.groups ?? {};
  // Without a scheme it is TLS, unless told otherwise.
  const isPlain = scheme === undefined ? setting('INSECURE') === 'true' : scheme.toLowerCase() === 'http';
  const credentials = isPlain
    ? grpc.credentials.createInsecure()
    : grpc.credentials.createSsl(
        certificate('CERTIFICATE'),
        certificate('CLIENT_KEY'),
        certificate('CLIENT_CERTIFICATE'),
      );
  const client = new grpc.Client(address ?? endpoint, credentials);
  const metadata = new grpc.Metadata();
  for (const [name, value] of headers()) metadata.set(name, value);
  const same = (bytes: Buffer): Buffer => bytes;
  return new Promise<void>((resolve, reject) => {
    const options = { deadline: Date.now() + TIMEOUT_MS };
    client.makeUnaryRequest(EXPORT_PATH, same, same, Buffer.alloc(0), metadata, options, (error) => {
      if (error === null) resolve();
      else if (error.code === grpc.status.UNAVAILABLE)
        reject(new LivespanError('log_unavailable', 'nothing answers there'));
      else reject(new LivespanError('invalid_request', `it answers ${grpc.status[error.code]}: ${error.details}`));
    });
  }).finally(() => client.close());
}
