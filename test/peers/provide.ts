import { access, chmod, constants, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { COLLECTOR_BUILDER_MODULE, COLLECTOR_MANIFEST, listPeers, type Peer, peersFolder } from './catalogue.ts';
import { dockerComposeVersion } from './docker-compose.ts';
import { run, runTelling, type Say } from './progress.ts';

const GO_MINOR_MIN = 25;

async function isThere(peer: Peer): Promise<boolean> {
  return access(peer.path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Gets every peer that is not in the cache yet: built by Go where it is at hand, taken out of its Docker image otherwise.
 * The parser of docker compose is in no image: where Go cannot build it, docker compose does its work.
 * @throws Error with one sentence that says what to install
 */
export async function providePeers(say: Say): Promise<void> {
  for (const peer of listPeers()) {
    if (await isThere(peer)) say(`${peer.title}: ${peer.path}`);
    else await provide(peer, say);
  }
}

async function provide(peer: Peer, say: Say): Promise<void> {
  const go = await goVersion();
  const isGoUsable = go !== undefined && go.major === 1 && go.minor >= GO_MINOR_MIN;
  const dockerCompose = isGoUsable || peer.image !== undefined ? undefined : dockerComposeVersion();
  if (dockerCompose !== undefined) {
    say(`${peer.title}: left out, the tests ask docker compose ${dockerCompose} itself`);
    return;
  }
  const isDockerUsable =
    peer.image !== undefined && process.platform === 'linux' && (await succeeds('docker', ['info']));
  if (!isGoUsable && !isDockerUsable) {
    throw new Error(
      `${peer.title} is not in ${peersFolder()}: it takes Go 1.${GO_MINOR_MIN} or newer on PATH (there is ${go?.text ?? 'none'}), or a running Docker on Linux.`,
    );
  }
  await mkdir(dirname(peer.path), { recursive: true });
  const work = await mkdtemp(join(peersFolder(), 'work-'));
  try {
    const made = isGoUsable ? await build(peer, work, say) : await takeFromImage(peer, work, say);
    await chmod(made, 0o755);
    // Only what is whole gets its name, so that whoever finds it may use it.
    await rename(made, peer.path);
    say(`${peer.title}: ${peer.path}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function build(peer: Peer, work: string, say: Say): Promise<string> {
  const { source, title } = peer;
  if (source.by === 'install') return install(source.module, work, `${title}: building`, say);
  if (source.by === 'collector-builder') {
    const builder = await install(COLLECTOR_BUILDER_MODULE, work, `${title}: building its builder`, say);
    const output = join(work, 'out');
    // The manifest names the program; where it is put is ours to say.
    await runTelling(say, `${title}: building (2 to 5 minutes)`, builder, [`--config=${COLLECTOR_MANIFEST}`], {
      cwd: work,
      env: { TMPDIR: await mkdir(output, { recursive: true }).then(() => output) },
    });
    return findBuilt(output);
  }
  const module = JSON.parse(
    await runTelling(say, `${title}: downloading its source`, 'go', ['mod', 'download', '-json', source.module], {
      cwd: work,
    }),
  ) as { Dir: string };
  const copy = join(work, 'source');
  await cp(module.Dir, copy, { recursive: true });
  await run('chmod', ['-R', 'u+w', copy]);
  const made = join(work, 'made');
  const flags = ['-mod=mod', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', made];
  await runTelling(say, `${title}: building (3 to 8 minutes)`, 'go', ['build', ...flags, source.main], {
    cwd: copy,
    env: { CGO_ENABLED: '0' },
  });
  return made;
}

/** The builder names its folder itself, below the temporary one. */
async function findBuilt(folder: string): Promise<string> {
  const found = await run('find', [folder, '-name', 'livespan-otelcol', '-type', 'f']);
  if (found === '') throw new Error(`the builder left no program in ${folder}`);
  return found;
}

async function install(module: string, work: string, what: string, say: Say): Promise<string> {
  const bin = join(work, 'bin');
  await runTelling(say, what, 'go', ['install', '-trimpath', '-ldflags', '-s -w', module], {
    cwd: work,
    env: { GOBIN: bin, CGO_ENABLED: '0' },
  });
  const name = /([^/]+)@[^@]*$/.exec(module)?.[1] ?? '';
  return join(bin, name);
}

async function takeFromImage({ title, image }: Peer, work: string, say: Say): Promise<string> {
  if (image === undefined) throw new Error(`${title} is in no image`);
  const lines = await runTelling(say, `${title}: pulling ${image.name}`, 'docker', ['create', image.name]);
  const container = lines.split('\n').at(-1) ?? '';
  const made = join(work, 'made');
  try {
    await run('docker', ['cp', `${container}:${image.path}`, made]);
  } finally {
    await run('docker', ['rm', container]);
  }
  return made;
}

async function goVersion(): Promise<{ major: number; minor: number; text: string } | undefined> {
  const text = await run('go', ['env', 'GOVERSION']).catch(() => '');
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(text) ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor), text };
}

function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return run(program, args, { timeoutMs: 20_000 }).then(
    () => true,
    () => false,
  );
}
