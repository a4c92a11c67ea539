import type { ComponentChildren } from 'preact';
import { useStore } from './context.ts';

interface EmptyProps {
  title: string;
  detail?: ComponentChildren;
  children: ComponentChildren;
}

/** A sentence in place of rows, and what to do next. */
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
