import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Monitor } from '../monitor.ts';
import type { Store } from '../state/store.ts';
import { Banner } from './banner.tsx';
import { MonitorContext } from './context.ts';
import { FilterBar } from './filter-bar.tsx';
import { Header } from './header.tsx';
import { later, loadAllLater } from './later.tsx';
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
const Announcer = later(async () => (await import('./announcer.tsx')).Announcer, 'idle');
/** When what is shown first has its turn. */
const LOAD_REST_AFTER_MS = 1_000;
/** The keys, where the server was away. */
const LOAD_AGAIN_MS = 2_000;
const HelpSheet = later(async () => (await import('./help-sheet.tsx')).HelpSheet);

export function App({ monitor }: { monitor: Monitor }) {
  const { store } = monitor;
  const fileProblem = useSignal<string | undefined>(undefined);
  const openFile = async (file: File): Promise<void> => {
    fileProblem.value = await monitor.importFile(file.name, await file.text());
  };
  const showHelp = (): void => {
    store.isHelpOpen.value = true;
  };
  useKeys(store);
  useEffect(() => {
    const timer = setTimeout(() => void loadAllLater(), LOAD_REST_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    const over = (event: DragEvent): void => event.preventDefault();
    const drop = (event: DragEvent): void => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) void openFile(file);
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, [monitor]);
  const CurrentView = VIEWS[store.view.value];
  const hasDrawer = store.selection.value?.type === 'row';
  return (
    <MonitorContext.Provider value={monitor}>
      <div class={`app${hasDrawer ? ' has-drawer' : ''}`}>
        <a class="skip" href="#view">
          To the activity
        </a>
        <Header />
        <FilterBar />
        <Banner />
        {fileProblem.value !== undefined && (
          <p class="banner is-error" role="alert">
            {fileProblem.value}{' '}
            <button
              type="button"
              onClick={() => {
                fileProblem.value = undefined;
              }}
            >
              close
            </button>
          </p>
        )}
        <div class="middle">
          <CurrentView />
          {hasDrawer && <Drawer />}
        </div>
        <StatusLine showHelp={showHelp} openFile={openFile} />
        <Announcer />
        {store.isHelpOpen.value && <HelpSheet />}
      </div>
    </MonitorContext.Provider>
  );
}

/** The keys are loaded once the browser has drawn the page, while rows are asked for: what is pressed before is not lost. */
function useKeys(store: Store): void {
  useEffect(() => {
    const early: KeyboardEvent[] = [];
    const keep = (event: KeyboardEvent): void => void early.push(event);
    const listen = (): void =>
      void import('./keyboard.ts').then(
        ({ listenToKeys }) => {
          removeEventListener('keydown', keep);
          early.forEach(listenToKeys(store));
        },
        () => setTimeout(listen, LOAD_AGAIN_MS),
      );
    addEventListener('keydown', keep);
    listen();
  }, [store]);
}
