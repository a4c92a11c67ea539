import '../styles/help.css';
import { useEffect, useRef } from 'preact/hooks';
import { useStore } from './context.ts';
import { SHORTCUTS } from './shortcuts.ts';

export function HelpSheet() {
  const store = useStore();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label="Keyboard shortcuts"
      onClose={() => {
        store.isHelpOpen.value = false;
      }}
    >
      <h2>Keys</h2>
      <dl>
        {SHORTCUTS.map(([keys, words]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={() => dialog.current?.close()}>
        close
      </button>
    </dialog>
  );
}
