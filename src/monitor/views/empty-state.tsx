import { useStore } from './context.ts';

/** What to do next, where there are no rows. */
export function EmptyState() {
  const store = useStore();
  const connection = store.connection.value;
  const hasFilter = store.filter.text.value !== '';
  switch (connection.state) {
    case 'connecting':
      return (
        <div class="skeleton">
          <span class="sr-only">Loading</span>
        </div>
      );
    case 'denied':
      return (
        <section class="empty">
          <h2>This server asks you to sign in.</h2>
          <p>{connection.detail}</p>
          <p>
            <a href="/">Sign in</a> with the token that the server was started with (LIVESPAN_TOKEN).
          </p>
        </section>
      );
    case 'overloaded':
      return (
        <section class="empty">
          <h2>The server cannot take another reader now.</h2>
          <p>{connection.detail}</p>
          <p>This page tries again by itself.</p>
        </section>
      );
    case 'refused':
      return (
        <section class="empty">
          <h2>The server does not take this filter.</h2>
          <p>{connection.detail}</p>
          <p>
            <button type="button" onClick={() => store.filter.apply('')}>
              Clear the filter
            </button>
          </p>
        </section>
      );
    case 'reconnecting':
      return (
        <section class="empty">
          <h2>livespan cannot be reached.</h2>
          <p>{connection.detail}</p>
          <p>Is it running? Start it with: npx livespan serve</p>
        </section>
      );
    default:
      return hasFilter ? <NoMatch /> : <FirstRun />;
  }
}

function NoMatch() {
  const store = useStore();
  return (
    <section class="empty">
      <h2>Nothing matches yet.</h2>
      <p>
        What comes will show here as soon as it matches <code>{store.filter.text.value}</code>.
      </p>
      <p>
        <button type="button" onClick={() => store.filter.apply('')}>
          Clear the filter
        </button>
      </p>
    </section>
  );
}

function FirstRun() {
  const origin = location.origin;
  const lines = [
    'npm install livespan',
    `LIVESPAN_URL=${origin} node --import livespan/register app.js`,
    'curl localhost:3000/    # your application: the request shows here before it ends',
  ];
  return (
    <section class="empty">
      <h2>No activity yet. Run this:</h2>
      <pre>{lines.join('\n')}</pre>
      <p>
        <button type="button" onClick={() => void navigator.clipboard.writeText(lines.join('\n'))}>
          Copy
        </button>{' '}
        or see it at work with <code>npx livespan demo</code>.
      </p>
    </section>
  );
}
