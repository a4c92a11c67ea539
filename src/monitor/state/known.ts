import type { Activity } from '../../activity/activity.ts';

const VALUES_MAX = 300;

/** Values that were seen, for completion; the most recent of each stay. */
export class KnownValues {
  readonly services = new Set<string>();
  readonly instances = new Set<string>();
  readonly names = new Set<string>();
  readonly scopes = new Set<string>();
  readonly calls = new Set<string>();
  readonly attributeKeys = new Set<string>();

  add({ name, service, instance, scope, callId, attributes }: Activity): void {
    see(this.names, name);
    see(this.services, service);
    see(this.instances, instance);
    see(this.scopes, scope);
    see(this.calls, callId);
    for (const key in attributes) see(this.attributeKeys, key);
  }
}

function see(values: Set<string>, value: string | undefined): void {
  if (value === undefined || values.has(value)) return;
  values.add(value);
  if (values.size <= VALUES_MAX) return;
  const [first] = values;
  if (first !== undefined) values.delete(first);
}
