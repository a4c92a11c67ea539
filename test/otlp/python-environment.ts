import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * OpenTelemetry for Python, of which SDK and exporters have one version; the JSON exporter, which is not stable yet, has
 * its own. It asks for exactly the 1.45.1 of the others, so that is what all are.
 */
const VERSION = '1.45.1';
const JSON_VERSION = '0.66b1';
const INSTALL_MS = 240_000;

/** The Python that has OpenTelemetry's exporters, cached by version outside the repository; or why there is none. */
export async function pythonWithExporters(): Promise<{ python: string } | { missing: string }> {
  const cache = join(homedir(), '.cache', 'livespan');
  const dir = join(cache, `python-otel-${VERSION}-json-${JSON_VERSION}`);
  const python = join(dir, 'bin', 'python');
  if (existsSync(python)) return { python };
  const partial = `${dir}.${process.pid}`;
  try {
    await mkdir(cache, { recursive: true });
    await run('python3', ['-m', 'venv', partial], { timeout: INSTALL_MS });
    const packages = [
      `opentelemetry-sdk==${VERSION}`,
      `opentelemetry-exporter-otlp==${VERSION}`,
      `opentelemetry-exporter-otlp-json-http==${JSON_VERSION}`,
    ];
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
    await run(join(partial, 'bin', 'python'), pip, { timeout: INSTALL_MS });
    // Complete or not there at all. A virtual environment may be moved as long as its scripts are not run by name.
    await rename(partial, dir);
    return { python };
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    if (existsSync(python)) return { python };
    const reason = thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown);
    return { missing: reason };
  }
}
