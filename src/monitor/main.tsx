import './styles/tokens.css';
import './styles/frame.css';
import './styles/rows.css';
import { render } from 'preact';
import { startInBrowser } from './browser.ts';
import { App } from './views/app.tsx';

const root = document.getElementById('app');
if (root !== null) render(<App monitor={startInBrowser()} />, root);
