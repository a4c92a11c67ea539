import { render } from 'preact';
import { startInBrowser } from './browser.ts';

const monitor = startInBrowser();
const root = document.getElementById('app');
if (root !== null) render(<p>livespan {monitor.store.totals.value.activities}</p>, root);
