import { log } from '../diag.ts';
import { LivespanError } from '../errors.ts';
import { formatHost, type HostPort, type RedisAddress } from './redis-address.ts';
import { isErrorReply, redisFailure } from './redis-failure.ts';
import { type LinkOptions, openLink, type RedisLink } from './redis-link.ts';

/** A primary that was replaced takes writes for seconds more, and all of them are lost: how often the sentinels are asked. */
const ASK_PERIOD_MS = 250;

export type SentinelOptions = Omit<LinkOptions, 'target' | 'tls' | 'onMessage'>;

/** Those who know which Redis is the primary now. */
export interface Sentinels {
  /** Asks the sentinel that answered last, else the others in their order. */
  primary(): Promise<HostPort>;
  /** Closes `link`, which leads to `target`, as soon as another Redis is the primary, and gives everything back with it. */
  watch(link: RedisLink, target: HostPort): void;
  close(): void;
}

export function createSentinels(address: RedisAddress, name: string, options: SentinelOptions): Sentinels {
  const { hosts } = address;
  let kept: RedisLink | undefined;

  const ask = async (link: RedisLink): Promise<HostPort> => {
    const query = (): Promise<unknown> => link.call('SENTINEL', ['get-master-addr-by-name', name]);
    const answer = await query().catch(async (error: unknown) => {
      if (address.password === undefined || !isErrorReply(error) || !error.message.startsWith('NOAUTH')) throw error;
      await link.call('AUTH', credentials(address));
      return query();
    });
    if (Array.isArray(answer)) return { host: String(answer[0]), port: Number(answer[1]) };
    throw new LivespanError('log_unavailable', `the sentinel at ${link.label} knows no master of that name`);
  };
  const close = (): void => {
    kept?.close(new LivespanError('closed', 'the sentinel was asked'));
    kept = undefined;
  };
  const askKept = async (): Promise<HostPort | undefined> => {
    if (kept === undefined) return undefined;
    try {
      return await ask(kept);
    } catch (error) {
      log.debug('the sentinel that answered last does not any more', error);
      close();
      return undefined;
    }
  };
  const askAll = async (): Promise<HostPort> => {
    const problems: string[] = [];
    for (const target of hosts) {
      let link: RedisLink | undefined;
      try {
        link = await openLink({ ...options, target, tls: false });
        const primary = await ask(link);
        kept = link;
        return primary;
      } catch (error) {
        const failure = redisFailure(error, formatHost(target));
        link?.close(failure);
        problems.push(failure.message);
      }
    }
    throw new LivespanError('log_unavailable', `no sentinel names the primary ${name}: ${problems.join('; ')}`);
  };
  const primary = async (): Promise<HostPort> => (await askKept()) ?? askAll();

  return {
    primary,
    watch(link, target) {
      let asking = false;
      const look = async (): Promise<void> => {
        if (asking) return;
        asking = true;
        const now = await primary().catch((error: unknown) => log.debug('no sentinel answers', error));
        asking = false;
        if (ended) close();
        else if (now && (now.host !== target.host || now.port !== target.port)) {
          link.close(new LivespanError('log_unavailable', `${formatHost(now)} is the primary ${name} now`));
        }
      };
      let ended = false;
      const timer = setInterval(() => void look(), ASK_PERIOD_MS);
      if (!options.keepAlive) timer.unref();
      void link.closed.then(() => {
        ended = true;
        clearInterval(timer);
        close();
      });
    },
    close,
  };
}

/** Arguments of AUTH. */
export function credentials({ username, password }: RedisAddress): string[] {
  return username === undefined ? [password ?? ''] : [username, password ?? ''];
}
