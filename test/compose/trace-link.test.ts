import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { traceBackendName, traceLink } from '../../src/monitor/state/server-facts.ts';
import { ROOT, readComposeFile } from './compose-file.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

it('leads from the live page to the trace in Grafana: Explore on the published port, asked of the provisioned Tempo', () => {
  const { livespan, grafana } = readComposeFile().services;
  const { datasources } = parse(
    readFileSync(`${ROOT}compose/grafana/provisioning/datasources/datasources.yaml`, 'utf8'),
  ) as { datasources: { uid: string; type: string }[] };
  const tempo = datasources.find(({ type }) => type === 'tempo');

  const traceUrl = livespan?.environment?.LIVESPAN_TRACE_URL ?? '';
  expect(traceBackendName({ traceUrl })).toBe('Grafana');
  const link = new URL(traceLink({ traceUrl }, TRACE_ID) ?? '');
  expect(grafana?.ports).toContain(`${link.host}:3000`);
  expect([link.pathname, link.searchParams.get('schemaVersion')]).toEqual(['/explore', '1']);
  const panes = Object.values(JSON.parse(link.searchParams.get('panes') ?? '{}') as Record<string, unknown>);
  expect(panes).toEqual([
    {
      datasource: tempo?.uid,
      queries: [{ refId: 'A', datasource: { type: 'tempo', uid: tempo?.uid }, queryType: 'traceql', query: TRACE_ID }],
      range: { from: 'now-1h', to: 'now' },
    },
  ]);
  // Without that, who only looks is not let into Explore.
  expect(grafana?.environment).toMatchObject({
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    GF_USERS_VIEWERS_CAN_EDIT: 'true',
  });
});
