import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

export interface MenuProps {
  title: ComponentChildren;
  hint?: string;
  id?: string;
  class?: string;
  /** Drawn while it is open. */
  children: () => ComponentChildren;
}

/** A button with something below it. Esc and a press elsewhere close it (`keyboard.ts`). */
export function Menu({ title, hint, id, class: kind = 'menu', children }: MenuProps) {
  const isOpen = useSignal(false);
  return (
    <details
      class={kind}
      id={id}
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary title={hint}>{title}</summary>
      {isOpen.value && children()}
    </details>
  );
}
