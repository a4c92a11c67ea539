import { useStore } from './context.ts';
import { later } from './later.tsx';
import { Menu } from './menu.tsx';

const Moments = later(async () => (await import('./travel-moments.tsx')).TravelMoments);
const Panel = later(async () => (await import('./travel-panel.tsx')).TravelPanel);

/** Time travel: a moment, a speed, and back to live. */
export function TravelControl() {
  if (useStore().travel.value !== undefined) return <Panel />;
  return (
    <Menu id="travel" title="replay" hint="t">
      {() => <Moments />}
    </Menu>
  );
}
