import { accessSync, constants } from 'node:fs';
import { listPeers, type Peer, type PeerName } from './catalogue.ts';
import { dockerComposeVersion } from './docker-compose.ts';

/** One line a peer: what the end-to-end tests run against, or why they do not. */
export function describePeers(): string[] {
  return listPeers().map((peer) => `${peer.name}: ${isAtHand(peer) ? `${peer.title} at ${peer.path}` : instead(peer)}`);
}

function instead(peer: Peer): string {
  const dockerCompose = peer.name === 'compose' ? dockerComposeVersion() : undefined;
  return dockerCompose === undefined ? missing(peer) : `docker compose ${dockerCompose}`;
}

/** Why a test that needs these peers cannot run here; undefined when it can. */
export function whyNot(...names: readonly PeerName[]): string | undefined {
  const absent = listPeers().filter((peer) => names.includes(peer.name) && !isAtHand(peer));
  return absent.length === 0 ? undefined : absent.map(missing).join('; ');
}

export function peerPath(name: PeerName): string {
  return find(name).path;
}

/** `against('collector', 'tempo')`: how a suite says what it runs against, or why it is left out. */
export function against(...names: readonly PeerName[]): string {
  const reason = whyNot(...names);
  const titles = names.map((name) => find(name).title).join(', ');
  return reason === undefined ? `against ${titles}` : `LEFT OUT: ${reason}`;
}

function find(name: PeerName): Peer {
  const peer = listPeers().find((candidate) => candidate.name === name);
  if (peer === undefined) throw new Error(`there is no peer ${name}`);
  return peer;
}

function isAtHand(peer: Peer): boolean {
  try {
    accessSync(peer.path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(peer: Peer): string {
  return `${peer.title} is not at hand (npm run peers gets it)`;
}
