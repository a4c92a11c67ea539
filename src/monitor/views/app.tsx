import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Monitor } from '../monitor.ts';
import { asJson } from '../state/copy-texts.ts';
import { MonitorContext } from './context.ts';
import { FilterBar } from './filter-bar.tsx';
import { Header } from './header.tsx';
import { listenToKeys } from './keyboard.ts';
import { later } from './later.tsx';
import { LiveView } from './live-view.tsx';
import { StatusLine } from './status-line.tsx';

const VIEWS = {
  live: LiveView,
  traces: later(async () => (await import('./list-views.tsx')).TracesView),
  calls: later(async () => (await import('./list-views.tsx')).CallsView),
  services: later(async () => (await import('./table-views.tsx')).ServicesView),
  health: later(async () => (await import('./table-views.tsx')).HealthView),
} as const;
const Drawer = later(async () => (await import('./drawer.tsx')).Drawer);
const HelpSheet = later(async () => (await import('./help-sheet.tsx')).HelpSheet);

export function App({ monitor }: { monitor: Monitor }) {
  const { store } = monitor;
  const dropProblem = useSignal<string | undefined>(undefined);
  useEffect(
    () =>
      listenToKeys({
        store,
        showHelp: () => {
          store.isHelpOpen.value = true;
        },
        copyRow: () => {
          const selection = store.selection.peek();
          const row = selection?.type === 'row' ? store.row(selection.key) : undefined;
          if (row !== undefined) void navigator.clipboard.writeText(asJson(row));
        },
      }),
    [store],
  );
  useEffect(() => {
    const over = (event: DragEvent): void => event.preventDefault();
    const drop = async (event: DragEvent): Promise<void> => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) dropProblem.value = monitor.importFile(file.name, await file.text());
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, [monitor, dropProblem]);
  const CurrentView = VIEWS[store.view.value];
  const connection = store.connection.value;
  return (
    <MonitorContext.Provider value={monitor}>
      <div class={`app${store.selection.value?.type === 'row' ? ' has-drawer' : ''}`}>
        <a class="skip" href="#view">
          To the activity
        </a>
        <Header />
        <FilterBar />
        {connection.state === 'file' && (
          <p class="banner">
            Showing {connection.name}, not the log.{' '}
            <button type="button" class="quiet" onClick={() => monitor.leaveFile()}>
              back to live
            </button>
          </p>
        )}
        {dropProblem.value !== undefined && (
          <p class="banner is-error" role="alert">
            {dropProblem.value}
          </p>
        )}
        <div class="middle">
          <CurrentView />
          {store.selection.value?.type === 'row' && <Drawer />}
        </div>
        <StatusLine
          showHelp={() => {
            store.isHelpOpen.value = true;
          }}
        />
        {store.isHelpOpen.value && <HelpSheet />}
      </div>
    </MonitorContext.Provider>
  );
}
