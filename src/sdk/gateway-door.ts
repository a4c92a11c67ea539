import { loadModule } from './load-module.ts';
import type { GatewayMiddleware, TraceGatewayOptions } from './trace-gateway.ts';

type Module = typeof import('./trace-gateway.ts');

/**
 * Middleware for Connect, Express, Fastify (`onRequest`) and node:http: a SERVER span, a call id and the four gateway
 * events for each request.
 * @throws LivespanError `invalid_option`, when it is made, never at a request
 */
export function traceGateway(options: TraceGatewayOptions = {}): GatewayMiddleware {
  return loadModule<Module>(import.meta.url, './trace-gateway').traceGateway(options);
}
