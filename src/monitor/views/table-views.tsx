import '../styles/tables.css';
import { parseCursor } from '../../activity/cursor.ts';
import type { Sharing } from '../feed/sharing.ts';
import { formatBytes, formatCount, formatDuration, formatNumber, formatShare, formatTime } from '../state/figures.ts';
import type { LossEntry, ServiceFigures } from '../state/model.ts';
import type { Store } from '../state/store.ts';
import { useMonitor, useStore } from './context.ts';
import { EmptyState } from './empty-state.tsx';
import { Glyph } from './glyph.tsx';
import { useMoveKeys } from './move-keys.ts';

const TITLES = ['Service', 'Rate', 'Errors', 'p50', 'p95', 'p99', 'Running', 'Last seen', 'Instances'] as const;

export function ServicesView() {
  const store = useStore();
  const services = store.services.value;
  useMoveKeys(() => [[...document.querySelectorAll<HTMLElement>('#view th button')]]);
  if (services.length === 0) {
    return (
      <main class="live" id="view">
        <EmptyState />
      </main>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to scroll by keyboard too
    <main class="page" id="view" tabIndex={0}>
      <h2>Services</h2>
      <table>
        <thead>
          <tr>
            {TITLES.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {services.map((service) => (
            <ServiceRow key={service.service} service={service} />
          ))}
        </tbody>
      </table>
    </main>
  );
}

const optional = (ms: number | undefined): string => (ms === undefined ? '–' : formatDuration(ms));

function ServiceRow({ service }: { service: ServiceFigures }) {
  const store = useStore();
  const share = service.ended === 0 ? undefined : service.failed / service.ended;
  const cells: readonly [(typeof TITLES)[number], string, string?][] = [
    ['Rate', `${service.rate.toFixed(1)}/s`],
    ['Errors', share === undefined ? '–' : formatShare(share), share ? 'is-error' : ''],
    ['p50', optional(service.p50Ms)],
    ['p95', optional(service.p95Ms)],
    ['p99', optional(service.p99Ms)],
    ['Running', store.filter.hidesEnds.value ? '–' : formatNumber(service.running)],
    ['Last seen', formatTime(service.lastSeenMs * 1_000).slice(0, 8)],
  ];
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          class="quiet"
          onClick={() => {
            store.filter.setRange('service', JSON.stringify(service.service));
            store.view.value = 'live';
          }}
        >
          {service.service}
        </button>
      </th>
      {cells.map(([title, text, kind]) => (
        <td key={title} data-title={title} class={kind ?? ''}>
          {text}
        </td>
      ))}
      <td data-title="Instances">
        <span>
          {service.instances.map(({ instance, state }) => (
            <span key={instance} class={`instance instance-${state}`}>
              {state === 'lost' && <Glyph name="lost" />} {instance} {state === 'alive' ? '' : `(${state})`}{' '}
            </span>
          ))}
        </span>
      </td>
    </tr>
  );
}

/** How livespan itself is: the log, the readers, and everything that was not seen. */
export function HealthView() {
  const { store, sharing, base } = useMonitor();
  useMoveKeys(() => []);
  const stats = store.stats.value;
  const loss = store.loss.value;
  const log = stats?.log;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to scroll by keyboard too
    <main class="page" id="view" tabIndex={0}>
      <h2>Health of livespan</h2>
      {log?.problem !== undefined && <p class="is-error">{log.problem.message}</p>}
      {log?.warnings?.map((warning) => (
        <p key={warning} class="is-warn">
          {warning}
        </p>
      ))}
      <dl class="facts">
        {factsOf(store, sharing).map(([title, value]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h2>What was not seen</h2>
      <p>
        {loss.missed === 0 && loss.resets === 0 && loss.dropped === 0
          ? 'Nothing was lost.'
          : `${formatCount(loss.missed, 'log entry', 'log entries')} missed by this page, ${formatCount(loss.resets, 'reset')}, ${formatCount(loss.dropped, 'activity', 'activities')} dropped by applications.`}
        {loss.sampled > 1 ? ` The server sends one in ${loss.sampled}; errors are always sent.` : ''}
      </p>
      {store.config.value.signedIn === true && (
        <p>
          <button type="button" onClick={() => void signOut(base)}>
            Sign out of this server
          </button>
        </p>
      )}
      {loss.entries.length > 0 && (
        <ol class="losses">
          {loss.entries.map((entry) => (
            <li key={`${entry.type}${entry.cursor}`}>
              <time>{formatTime(entry.atMs * 1_000)}</time> {describe(entry)}
            </li>
          ))}
        </ol>
      )}
    </main>
  );
}

/** By fetch: this page sends no referrer, so a form of it would come without an origin, as from a foreign page. */
async function signOut(base: string): Promise<void> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  await fetch(`${base}/sign-out`, { method: 'POST', headers, body: '' });
  location.reload();
}

function factsOf(store: Store, sharing: Sharing['way']): [string, string][] {
  const { log, readers, ingest, uptimeSeconds, memory } = store.stats.value ?? {};
  const totals = store.totals.value;
  const number = (value: unknown): string => (typeof value === 'number' ? formatNumber(value) : '–');
  const counts = readers as Readonly<Record<string, unknown>> | undefined;
  const reach = [parseCursor(log?.first ?? ''), parseCursor(log?.last ?? '')].map((position) =>
    position === undefined ? '–' : formatTime(position.ms * 1_000),
  );
  return [
    [
      'Log',
      log === undefined ? 'not asked yet' : `${log.description}${log.connected === false ? ', not reached' : ''}`,
    ],
    ['Entries', number(log?.length)],
    ['Reaches from', reach[0] ?? '–'],
    ['Newest entry', log?.length ? `${reach[1]} (${log.last})` : '–'],
    ['This page is behind by', formatCount(store.behind.value, 'entry', 'entries')],
    ['Instances', number(log?.instances)],
    ['Server up for', uptimeSeconds === undefined ? '–' : formatDuration(uptimeSeconds * 1_000)],
    ['Server memory', memory === undefined ? '–' : formatBytes(memory.rssBytes)],
    ['Readers', number(counts?.readers)],
    ['Readers turned away', number(counts?.refused)],
    ['Entries skipped for slow readers', number(counts?.skippedEntries)],
    ['Turned away at the door', reasonsOf(ingest?.rejected)],
    [
      'This page has seen',
      `${formatCount(totals.activities, 'activity', 'activities')}, ${formatCount(totals.errors, 'error')}`,
    ],
    ['This page shares its connection by', WAYS[sharing]],
    ['Rows no longer held', formatNumber(totals.evicted)],
    ['Lines that could not be read', formatNumber(totals.invalid)],
  ];
}

function reasonsOf(counts: unknown): string {
  const reasons = Object.entries(counts ?? {}).map(([reason, count]) => `${reason} ${count}`);
  return reasons.length === 0 ? 'nothing' : reasons.join(', ');
}

const WAYS: Readonly<Record<Sharing['way'], string>> = {
  worker: 'a worker for all tabs',
  leader: 'one of the tabs',
  alone: 'nothing: it has its own',
};

function describe(entry: LossEntry): string {
  const count = formatCount(entry.missed, 'activity', 'activities');
  if (entry.type === 'reset')
    return 'The log was recreated. Rows from before are from the old log: export them to keep them.';
  if (entry.type === 'gap') return `${count} were trimmed before they were read.`;
  if (entry.type === 'lagged') return `${count} were skipped for this page.`;
  const reasons = Object.entries(entry.reasons ?? {}).map(([reason, number]) => `${reason} ${number}`);
  return `${entry.service ?? 'An application'} ${entry.instance ?? ''} dropped ${count}: ${reasons.join(', ')}`;
}
