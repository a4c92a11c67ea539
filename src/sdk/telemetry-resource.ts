import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { OtelEnvironment } from './otel-environment.ts';
import { DIRECT } from './span-facts.ts';

const require = createRequire(import.meta.url);

/**
 * Who speaks: service, instance, process and host. The command line is left out on purpose: it may hold secrets, and
 * a resource passes no redaction.
 * @param given stands over `OTEL_RESOURCE_ATTRIBUTES`
 * @param direct whether every span of the process is on the feed already, so that the OTLP door leaves them out
 */
export function createResource(
  environment: OtelEnvironment,
  given: Attributes,
  service: string | undefined,
  instance: string,
  direct: boolean,
): Resource {
  const { defaultResource, resourceFromAttributes } =
    require('@opentelemetry/resources') as typeof import('@opentelemetry/resources');
  return defaultResource().merge(
    resourceFromAttributes({
      'host.name': hostname(),
      'process.pid': process.pid,
      'process.runtime.name': 'nodejs',
      'process.runtime.version': process.versions.node,
      ...environment.resourceAttributes,
      ...given,
      ...(service === undefined ? undefined : { 'service.name': service }),
      'service.instance.id': instance,
      ...(direct ? { [DIRECT]: true } : undefined),
    }),
  );
}
