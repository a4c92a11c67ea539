import { useMonitor, useStore } from './context.ts';
import { CopyButton } from './copy.tsx';
import { ClearFilter, Empty } from './empty.tsx';

/** All is well, and there is nothing to show. */
export function Nothing() {
  const store = useStore();
  if (store.travel.value !== undefined) {
    return <Empty title="Nothing yet at this moment.">The replay goes on; rows show as they came.</Empty>;
  }
  if (store.isRunningOnly.value) return <NothingRuns />;
  return store.filter.text.value === '' ? <FirstRun /> : <NoMatch />;
}

function NothingRuns() {
  const store = useStore();
  const isKnown = !store.filter.hidesEnds.value;
  return (
    <Empty
      title={isKnown ? 'Nothing runs now.' : 'What runs is not known.'}
      detail={
        isKnown
          ? 'A row shows here as soon as a span starts, and goes when it ends.'
          : 'The filter may hide how spans end, so a start alone does not tell that a span runs.'
      }
    >
      <button
        type="button"
        onClick={() => {
          store.isRunningOnly.value = false;
        }}
      >
        Show what is over too
      </button>
    </Empty>
  );
}

function NoMatch() {
  const filter = useStore().filter.text.value;
  const detail = (
    <>
      What comes will show here as soon as it matches <code>{filter}</code>.
    </>
  );
  return (
    <Empty title="Nothing matches yet." detail={detail}>
      <ClearFilter />
    </Empty>
  );
}

function FirstRun() {
  const { base, store } = useMonitor();
  const hasToken = store.config.value.signedIn === true;
  const settings = `LIVESPAN_URL=${location.origin}${base}${hasToken ? ' LIVESPAN_TOKEN="$LIVESPAN_TOKEN"' : ''}`;
  const lines = [
    'npm install livespan',
    `${settings} node --import livespan/register app.js`,
    'curl localhost:3000/    # your application: the request shows here before it ends',
  ].join('\n');
  return (
    <Empty title="No activity yet. Run this:" detail={<code class="block">{lines}</code>}>
      <CopyButton title="copy" text={() => lines} />
      {hasToken && (
        <>
          {' '}
          where <code>LIVESPAN_TOKEN</code> is the token that you signed in with,
        </>
      )}{' '}
      or see it at work with <code>npx livespan demo</code>.
    </Empty>
  );
}
