import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin, type Rolldown } from 'vite';

/** The first load, all of it, gzip. What is loaded later (charts) does not count. */
const FIRST_LOAD_BYTES_MAX = 40_000;
const ENTRY = /\/monitor\/main\.tsx$/;

/** What answers keys, right after that. */
const KEYS = /\/monitor\/views\/keyboard\.ts$/;

/** Whether the module is that entry, or among whatever it imports without `import()`. */
function isNeededBy(entry: RegExp, id: string, context: Rolldown.ChunkingContext, seen = new Set<string>()): boolean {
  if (entry.test(id)) return true;
  if (seen.has(id)) return false;
  seen.add(id);
  const { importers = [] } = context.getModuleInfo(id) ?? {};
  return importers.some((importer) => isNeededBy(entry, importer, context, seen));
}

/** One file for each: what is named in a file that has come is asked for that much later. */
const FILES = [
  { file: 'page', entry: ENTRY, priority: 2 },
  { file: 'keyboard', entry: KEYS, priority: 1 },
].map(({ file, entry, priority }) => ({
  debugName: file,
  priority,
  name: (id: string, context: Rolldown.ChunkingContext) => (isNeededBy(entry, id, context) ? file : null),
}));

/**
 * What stands around each `import()` of a part with a style of its own, in place of what Vite puts there: of all that that
 * is for (preloading scripts, nonces, its own events) this page needs styles alone, which come before the part is shown. One
 * that could not be loaded is forgotten, so that the next try loads it.
 */
const LOAD_WITH_STYLES = `
const loads = {};
function loadStyle(href) {
  if (Array.from(document.styleSheets, (sheet) => sheet.href).includes(href)) return;
  return (loads[href] ??= new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = href;
    link.onload = resolve;
    link.onerror = () => {
      link.remove();
      delete loads[href];
      reject(Error(href));
    };
    document.head.append(link);
  }));
}
export const __vitePreload = (load, styles = [], from) =>
  Promise.all([load(), ...styles.map((style) => loadStyle(new URL(style, from).href))]).then(([part]) => part);
`;

function smallLoader(): Plugin {
  return {
    name: 'livespan-small-loader',
    enforce: 'pre',
    load: { filter: { id: /vite\/preload-helper\.js$/ }, handler: () => LOAD_WITH_STYLES },
  };
}

/** What the page loads before it is usable: the page, its entry with all that this imports, its styles, the worker. */
function firstLoad(bundle: Rolldown.OutputBundle): string[] {
  const names = new Set<string>();
  const open = Object.values(bundle).filter(
    (file) =>
      (file.type === 'chunk' && file.moduleIds.some((id) => ENTRY.test(id))) ||
      (file.type === 'asset' && (file.fileName.endsWith('.html') || /worker.*\.js$/.test(file.fileName))),
  );
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (names.has(file.fileName)) continue;
    names.add(file.fileName);
    if (file.type !== 'chunk') continue;
    for (const name of [...file.imports, ...(file.viteMetadata?.importedCss ?? [])]) {
      const next = bundle[name];
      if (next !== undefined) open.push(next);
    }
  }
  return [...names];
}

function contentOf(file: Rolldown.OutputChunk | Rolldown.OutputAsset): Buffer {
  return Buffer.from(file.type === 'chunk' ? file.code : file.source);
}

/** Fails the build when the first load has grown too large, and leaves each file compressed beside itself. */
function sizeGate(): Plugin {
  return {
    name: 'livespan-size-gate',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const sizes = firstLoad(bundle).map((name) => {
          const file = bundle[name];
          return { name, bytes: file === undefined ? 0 : gzipSync(contentOf(file), { level: 9 }).byteLength };
        });
        const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
        const list = sizes.map(({ name, bytes }) => `  ${(bytes / 1_000).toFixed(1)} kB ${name}`).join('\n');
        const words = `First load of the monitor: ${(total / 1_000).toFixed(1)} of ${FIRST_LOAD_BYTES_MAX / 1_000} kB gzip`;
        if (total > FIRST_LOAD_BYTES_MAX) this.error(`${words}\n${list}`);
        this.info(`${words}\n${list}`);
        for (const file of Object.values(bundle)) {
          if (!/\.(js|css|svg)$/.test(file.fileName)) continue;
          const content = contentOf(file);
          const br = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
          this.emitFile({ type: 'asset', fileName: `${file.fileName}.br`, source: br });
          this.emitFile({ type: 'asset', fileName: `${file.fileName}.gz`, source: gzipSync(content, { level: 9 }) });
        }
      },
    },
  };
}

/** The monitor: plain files under dist/monitor, which the server serves; nothing inline, so that its CSP can forbid it. */
export default defineConfig({
  root: 'src/monitor',
  base: './',
  publicDir: false,
  // Said, because the tests build it too, and theirs is no production environment.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
  plugins: [smallLoader(), sizeGate()],
  worker: { format: 'es' },
  build: {
    outDir: '../../dist/monitor',
    emptyOutDir: true,
    target: 'es2022',
    // Browsers that know `light-dark()`: for others, every palette would get lines that only stand in for it.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    // One file is the first load, and what is loaded later is small: lists of what to fetch beside it would cost more.
    modulePreload: false,
    rolldownOptions: {
      output: { codeSplitting: { groups: FILES } },
    },
    reportCompressedSize: false,
  },
});
