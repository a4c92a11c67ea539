import type { ComponentChildren } from 'preact';
import { useStore } from './context.ts';
import { CopyButton } from './copy.tsx';

/** All is well, and there is nothing to show. */
export function Nothing() {
  const store = useStore();
  if (store.travel.value !== undefined) {
    return <Empty title="Nothing yet at this moment.">The replay goes on; rows show as they came.</Empty>;
  }
  if (store.isRunningOnly.value) return <NothingRuns />;
  return store.filter.text.value === '' ? <FirstRun /> : <NoMatch />;
}

interface EmptyProps {
  title: string;
  detail?: ComponentChildren;
  children: ComponentChildren;
}

export function Empty({ title, detail, children }: EmptyProps) {
  return (
    <section class="empty">
      <h2>{title}</h2>
      {detail !== undefined && <p>{detail}</p>}
      <p>{children}</p>
    </section>
  );
}

export function ClearFilter() {
  const store = useStore();
  return (
    <button type="button" onClick={() => store.filter.apply('')}>
      Clear the filter
    </button>
  );
}

function NothingRuns() {
  const store = useStore();
  return (
    <Empty title="Nothing runs now." detail="A row shows here as soon as a span starts, and goes when it ends.">
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
  const lines = [
    'npm install livespan',
    `LIVESPAN_URL=${location.origin} node --import livespan/register app.js`,
    'curl localhost:3000/    # your application: the request shows here before it ends',
  ].join('\n');
  return (
    <Empty title="No activity yet. Run this:" detail={<code class="block">{lines}</code>}>
      <CopyButton title="copy" text={() => lines} /> or see it at work with <code>npx livespan demo</code>.
    </Empty>
  );
}
