import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { until } from '../peers/support/program.ts';
import { readComposeFile } from './compose-file.ts';
import { execForm, readDockerfile } from './dockerfile.ts';

/** A service of the compose file that is built here, as a plain process in the folder of its stage. */
export interface PlainService {
  /** SIGTERM, and SIGKILL when that does not end it within seconds. Exit code or signal. May be called twice. */
  stop(): Promise<string>;
}

const STOP_TIMEOUT_MS = 15_000;

/**
 * Starts a service by its `command` or the CMD of its stage, with its environment, and waits until the HEALTHCHECK of the
 * stage finds it healthy.
 * @param options.folders where the steps of each stage have left its files
 * @param options.places `name:port` in the network of the compose file → `host:port` here
 * @param options.env on top of the service's own
 */
export async function startPlainService(
  name: string,
  options: {
    folders: ReadonlyMap<string, string>;
    places: ReadonlyMap<string, string>;
    token: string;
    env: Record<string, string>;
  },
): Promise<PlainService> {
  const service = readComposeFile().services[name];
  const stage = readDockerfile().find((each) => each.name === service?.build?.target);
  const textOf = (instruction: string): string =>
    stage?.steps.find((step) => step.instruction === instruction)?.text ?? '[]';
  const [program = '', ...args] = service?.command ?? execForm(textOf('CMD'));
  const [checker = '', ...checkArgs] = execForm(textOf('HEALTHCHECK'));
  const cwd = options.folders.get(stage?.name ?? '');
  const env = {
    PATH: dirname(process.execPath),
    NODE_ENV: 'production',
    ...settingsHere(name, service?.environment ?? {}, options),
    ...options.env,
  };
  const isHealthy = (): Promise<boolean> =>
    new Promise((resolve) => {
      execFile(checker, checkArgs, { cwd, env, timeout: 20_000 }, (error) => resolve(error === null));
    });
  if (await isHealthy()) throw new Error(`${name} is healthy before it runs`);

  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4_000);
  });
  const ended = once(child, 'exit');
  const stop = async (): Promise<string> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(force);
    return String(child.signalCode ?? child.exitCode);
  };
  try {
    await until(`${name} is healthy`, isHealthy, { timeoutMs: 40_000, describe: () => errors });
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

/** The environment of a service with the names, the port and the token that it has on this machine. */
function settingsHere(
  name: string,
  environment: Record<string, string>,
  { places, token }: { places: ReadonlyMap<string, string>; token: string },
): Record<string, string> {
  const own = [...places].find(([place]) => place.startsWith(`${name}:`))?.[1].split(':')[1];
  return Object.fromEntries(
    Object.entries(environment).map(([variable, value]) => {
      if (variable === 'PORT' && own !== undefined) return [variable, own];
      let here = value.replace(/\$\{LIVESPAN_TOKEN:[^}]*\}/, token);
      for (const [place, there] of places) here = here.replace(place, there);
      return [variable, here];
    }),
  );
}
