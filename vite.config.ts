import { defineConfig } from 'vite';

/** The monitor: plain files under dist/monitor, which the server serves; nothing inline, so that its CSP can forbid it. */
export default defineConfig({
  root: 'src/monitor',
  base: './',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/monitor',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});
