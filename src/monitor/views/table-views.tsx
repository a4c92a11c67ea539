import { formatBytes, formatCount, formatDuration, formatNumber, formatShare, formatTime } from '../state/figures.ts';
import type { LossEntry, ServiceFigures } from '../state/model.ts';
import { useMonitor, useStore } from './context.ts';
import { Glyph } from './glyph.tsx';

export function ServicesView() {
  const store = useStore();
  const services = store.services.value;
  return (
    <main class="page" id="view">
      <h2>Services</h2>
      {services.length === 0 && <p class="muted">No service has been seen yet.</p>}
      {services.length > 0 && (
        <table>
          <thead>
            <tr>
              {['Service', 'Rate', 'Errors', 'p50', 'p95', 'p99', 'Running', 'Last seen', 'Instances'].map((title) => (
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
      )}
    </main>
  );
}

const optional = (ms: number | undefined): string => (ms === undefined ? '–' : formatDuration(ms));

function ServiceRow({ service }: { service: ServiceFigures }) {
  const store = useStore();
  const share = service.ended === 0 ? undefined : service.failed / service.ended;
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
      <td>{service.rate.toFixed(1)}/s</td>
      <td class={share ? 'is-error' : ''}>{share === undefined ? '–' : formatShare(share)}</td>
      <td>{optional(service.p50Ms)}</td>
      <td>{optional(service.p95Ms)}</td>
      <td>{optional(service.p99Ms)}</td>
      <td>{service.running}</td>
      <td>{formatTime(service.lastSeenMs * 1_000).slice(0, 8)}</td>
      <td>
        {service.instances.map(({ instance, state }) => (
          <span key={instance} class={`instance instance-${state}`}>
            {state === 'lost' && <Glyph name="lost" />} {instance} {state === 'alive' ? '' : `(${state})`}{' '}
          </span>
        ))}
      </td>
    </tr>
  );
}

/** How livespan itself is: the log, the readers, and everything that was not seen. */
export function HealthView() {
  const { store, sharing } = useMonitor();
  const stats = store.stats.value;
  const totals = store.totals.value;
  const loss = store.loss.value;
  const log = stats?.log;
  const facts: [string, string][] = [
    [
      'Log',
      log === undefined ? 'not asked yet' : `${log.description ?? ''}${log.connected === false ? ', not reached' : ''}`,
    ],
    ['Entries', log?.length === undefined ? '–' : formatNumber(log.length)],
    ['Newest entry', log?.last ?? '–'],
    ['Instances', log?.instances === undefined ? '–' : formatNumber(log.instances)],
    ['Server up for', stats?.uptimeSeconds === undefined ? '–' : formatDuration(stats.uptimeSeconds * 1_000)],
    ['Server memory', stats?.memory === undefined ? '–' : formatBytes(stats.memory.rssBytes)],
    ['Readers', String(stats?.readers?.readers ?? '–')],
    ['This page has seen', `${formatNumber(totals.activities)} activities, ${formatNumber(totals.errors)} errors`],
    ['This page shares its connection by', sharing],
    ['Rows no longer held', formatNumber(totals.evicted)],
    ['Lines that could not be read', formatNumber(totals.invalid)],
  ];
  return (
    <main class="page" id="view">
      <h2>Health of livespan</h2>
      {log?.problem !== undefined && <p class="is-error">{log.problem.message}</p>}
      {log?.warnings?.map((warning) => (
        <p key={warning} class="is-warn">
          {warning}
        </p>
      ))}
      <dl class="facts">
        {facts.map(([title, value]) => (
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

function describe(entry: LossEntry): string {
  const count = formatCount(entry.missed, 'activity', 'activities');
  if (entry.type === 'reset') return 'The log was recreated.';
  if (entry.type === 'gap') return `${count} were trimmed before they were read.`;
  if (entry.type === 'lagged') return `${count} were skipped for this page.`;
  const reasons = Object.entries(entry.reasons ?? {}).map(([reason, number]) => `${reason} ${number}`);
  return `${entry.service ?? 'An application'} ${entry.instance ?? ''} dropped ${count}: ${reasons.join(', ')}`;
}
