import { against, peerPath, whyNot } from '../peers/at-hand.ts';
import { dockerComposeVersion } from '../peers/docker-compose.ts';

/** A program that reads compose files the way `docker compose up` does. */
interface ComposeParser {
  program: string;
  argsFor(file: string): string[];
}

/** The parser alone where it has been built, else docker compose itself; `parser` is undefined where neither is at hand. */
export function findComposeParser(): { parser?: ComposeParser; against: string } {
  if (whyNot('compose') === undefined) {
    const parser = { program: peerPath('compose'), argsFor: (file: string) => ['-no-interpolation', file] };
    return { parser, against: against('compose') };
  }
  const version = dockerComposeVersion();
  if (version === undefined) return { against: against('compose') };
  const argsFor = (file: string) => ['compose', '-f', file, 'config', '--quiet', '--no-interpolate'];
  return { parser: { program: 'docker', argsFor }, against: `against docker compose ${version}` };
}
