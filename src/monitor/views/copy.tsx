import { useSignal } from '@preact/signals';

/** To the clipboard. Over plain HTTP a browser has one on loopback addresses only: there the old way has to do. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'sr-only';
  const host = document.activeElement?.closest('dialog') ?? document.body;
  const before = document.activeElement;
  host.append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return isDone;
}

const SAID_MS = 1_500;

export function CopyButton({ title, text }: { title: string; text: () => string | Promise<string> }) {
  const said = useSignal<string | undefined>(undefined);
  return (
    <button
      type="button"
      class="quiet"
      onClick={async () => {
        said.value = (await copyText(await text())) ? 'copied' : 'not allowed here';
        setTimeout(() => {
          said.value = undefined;
        }, SAID_MS);
      }}
    >
      {said.value ?? title}
    </button>
  );
}
