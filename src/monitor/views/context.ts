import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Monitor } from '../monitor.ts';
import type { Store } from '../state/store.ts';

export const MonitorContext = createContext<Monitor | undefined>(undefined);

export function useMonitor(): Monitor {
  const monitor = useContext(MonitorContext);
  if (monitor === undefined) throw new Error('rendered outside the monitor');
  return monitor;
}

export function useStore(): Store {
  return useMonitor().store;
}
