import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vite';

const SOURCES = join(import.meta.dirname, 'src');

const modules = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.startsWith('monitor/'));

/**
 * The package's JavaScript. Every module keeps its file, but what `import 'livespan'` loads is one: Node needs up to half a
 * millisecond a module to find, read and link it. That one lies in sdk/, where the modules are that it loads later by path.
 */
export default defineConfig({
  publicDir: false,
  build: {
    ssr: true,
    target: 'node22',
    minify: false,
    outDir: 'dist',
    emptyOutDir: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: Object.fromEntries(modules.map((path) => [path.slice(0, -3), join(SOURCES, path)])),
      preserveEntrySignatures: 'strict',
      output: {
        format: 'es',
        entryFileNames: '[name].js',
        chunkFileNames: 'sdk/[name].js',
        minifyInternalExports: false,
        codeSplitting: { groups: [{ name: 'core', test: /\/src\/index\.ts$/ }] },
      },
    },
  },
});
