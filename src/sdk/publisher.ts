import { type FlattenOptions, noCuts } from '../activity/flatten.ts';
import { createRedactor } from '../activity/redaction.ts';
import type { AppendRequest } from '../bus/bus.ts';
import { environment, givenOptions, readOptions, wrongOption } from '../config.ts';
import { log, warnOnce } from '../diag.ts';
import type { LivespanError } from '../errors.ts';
import { type BatchContent, countOf } from './batch.ts';
import { composeBatch } from './batch-composer.ts';
import { BatchSender } from './batch-sender.ts';
import { reanchor } from './clock.ts';
import { rescueInWorker } from './crash-rescue.ts';
import { createDropLedger } from './drop-ledger.ts';
import { createHeartbeat } from './heartbeat.ts';
import { defaultInstance, instanceNotice, serviceFromEnvironment } from './instance.ts';
import { cryptoModule, threadsModule } from './load-module.ts';
import type { PendingRecord } from './pending-activity.ts';
import { PendingRing } from './pending-ring.ts';
import { watchProcessEnd } from './process-end.ts';
import { readActivity } from './published-activity.ts';
import type {
  DropReason,
  EventSink,
  NewActivity,
  PendingPublisher,
  Publisher,
  PublisherOptions,
  PublisherStats,
} from './publisher-contract.ts';
import { forgetPublisher } from './publisher-registry.ts';
import { openTarget, type Rejection, type TargetOptions } from './target.ts';
import { checkTargetUrl } from './target-url.ts';
import { runUntraced } from './untraced.ts';
import { createWaiters } from './waiters.ts';

export type {
  Publisher,
  PublisherOptions,
  PublisherStats,
} from './publisher-contract.ts';
export { currentPublisher, registerPublisher } from './publisher-registry.ts';

const OPTION_NAMES = [
  'url',
  'feed',
  'token',
  'instance',
  'queueCountMax',
  'queueBytesMax',
  'flushDelayMs',
  'closeTimeoutMs',
  'attributesMax',
  'attributeBytesMax',
  'activityBytesMax',
  'redact',
  'events',
  'logCountMax',
  'logAgeMaxMs',
] as const;
const DEFAULT_URL = 'http://127.0.0.1:4319';

/**
 * The way from this process to the log: a bounded ring, numbered micro-batches, resent until they are confirmed. Opens its
 * connection with the first activity, keeps no process alive, and says goodbye when the process ends.
 * @throws LivespanError `invalid_option` for wrong configuration, here and never later
 */
export function createPublisher(options: PublisherOptions = {}): Publisher {
  return new LivePublisher(givenOptions(options));
}

class LivePublisher implements PendingPublisher {
  readonly flattening: FlattenOptions;
  readonly events: EventSink;
  readonly instance: string;
  readonly service: string | undefined;
  readonly #target: TargetOptions;
  readonly #register: boolean;
  readonly #flushDelayMs: number;
  readonly #closeTimeoutMs: number;
  readonly #ring: PendingRing;
  readonly #drops = createDropLedger();
  readonly #waiters = createWaiters();
  readonly #sender: BatchSender;
  readonly #heartbeat: ReturnType<typeof createHeartbeat> | undefined;
  readonly #unwatch: () => void;
  #emitted = 0;
  #published = 0;
  #scheduled = false;
  /** `livespan.instance_started` was sent, and no `livespan.instance_stopped` since. */
  #present = false;
  #leaving = false;
  #away = false;
  /** How many had been emitted when the last goodbye could not be said. */
  #leftInVain = -1;
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(options: PublisherOptions) {
    const read = readOptions(OPTION_NAMES, options as Parameters<typeof readOptions<(typeof OPTION_NAMES)[number]>>[1]);
    const { url = DEFAULT_URL, feed, token, logCountMax, logAgeMaxMs } = read;
    checkTargetUrl(url);
    checkOwnOptions(options);
    this.#target = { url, feed, token, logCountMax, logAgeMaxMs };
    this.events = read.events as EventSink;
    this.instance = read.instance ?? defaultInstance();
    this.service = options.service ?? serviceFromEnvironment(environment());
    this.#register = options.register ?? (threadsModule().isMainThread && read.instance !== undefined);
    this.#flushDelayMs = read.flushDelayMs;
    this.#closeTimeoutMs = read.closeTimeoutMs;
    this.#ring = new PendingRing({ countMax: read.queueCountMax, bytesMax: read.queueBytesMax });
    const { attributesMax, attributeBytesMax, activityBytesMax } = read;
    this.flattening = {
      limits: { attributesMax, attributeBytesMax, activityBytesMax },
      redactor: createRedactor(read.redact),
      counts: noCuts(),
    };
    this.#sender = new BatchSender({
      producerId: cryptoModule().randomUUID(),
      open: () => openTarget(this.#target),
      take: () => this.#take(),
      instance: (content) => this.#sign(content.sign),
      onPublished: (content, rejected) => this.#settled(content, rejected.filter(ofApplication(content)).length),
      onRefused: (content) => this.#settled(content, countOf(content)),
      onTrouble: (error) => this.#trouble(error),
      onRecovered: () => this.#recovered(),
    });
    if (this.#register) this.#heartbeat = createHeartbeat(() => this.#beat());
    this.#unwatch = watchProcessEnd({
      timeoutMs: this.#closeTimeoutMs,
      flush: () => this.flush(),
      leave: () => this.#leaveOnce(),
      rescue: () => this.#rescue(),
    });
  }

  publish(activity: NewActivity): void {
    const pending = readActivity(activity, this.flattening);
    if (pending !== undefined) this.enqueue(pending);
    else {
      this.#emitted += 1;
      this.#drop('invalid', 1);
    }
  }

  enqueue(pending: PendingRecord): void {
    this.#emitted += 1;
    if (this.#closed) {
      this.#drops.count('closed', 1);
      return;
    }
    const dropped = this.#ring.push(pending);
    if (dropped > 0) this.#drop('queue_full', dropped);
    if (!this.#scheduled) this.#schedule();
  }

  async flush(): Promise<void> {
    const until = this.#ring.nextSequence;
    await this.#wait(() => this.#firstUnsettled() >= until);
  }

  /** Flushes and says `livespan.instance_stopped`, without closing: what is emitted after it starts the instance again. */
  async leave(): Promise<void> {
    this.#leaving = true;
    await this.#wait(() => this.#isDone());
    this.#leaving = false;
  }

  /** For an end of the process that comes again after each wait: what was in vain is tried again only with something new. */
  async #leaveOnce(): Promise<void> {
    if (this.#leftInVain === this.#emitted) return;
    await this.leave();
    if (!this.#isDone()) this.#leftInVain = this.#emitted;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  stats(): PublisherStats {
    return {
      emitted: this.#emitted,
      published: this.#published,
      queued: this.#ring.count + this.#ring.heldCount,
      dropped: { ...this.#drops.totals },
    };
  }

  async #close(): Promise<void> {
    this.#unwatch();
    await this.leave();
    this.#closed = true;
    this.#heartbeat?.stop();
    forgetPublisher(this);
    for (const { content } of this.#sender.outstanding) {
      this.#release(content);
      this.#drops.count('unconfirmed', countOf(content));
    }
    this.#drops.count('closed', this.#ring.clear());
    await this.#waiters.atMost(this.#sender.stop(), this.#closeTimeoutMs);
  }

  /** One immediate for however many activities this turn brings: batches grow with the load by themselves. */
  #schedule(): void {
    this.#scheduled = true;
    if (this.#flushDelayMs === 0) setImmediate(this.#tick);
    else setTimeout(this.#tick, this.#flushDelayMs).unref();
  }

  readonly #tick = (): void => {
    this.#scheduled = false;
    if (!this.#closed) runUntraced(() => this.#sender.pump());
  };

  /** What the sender may number next. Runs off the caller's path: JSON and time texts are made here. */
  #take(): BatchContent | undefined {
    if (this.#ring.count === 0 && this.#drops.untold === 0 && !(this.#leaving && this.#present)) return undefined;
    reanchor();
    const greeting = this.#register && !this.#present && this.#ring.count > 0;
    const content = composeBatch({
      ring: this.#ring,
      drops: this.#drops,
      origin: this,
      activityBytesMax: this.flattening.limits.activityBytesMax,
      first: greeting ? instanceNotice('started', this.instance) : undefined,
      last: (this.#present || greeting) && this.#leaving ? () => instanceNotice('stopped', this.instance) : undefined,
    });
    if (greeting) this.#present = true;
    if (content.sign === 'stopped') this.#present = false;
    if (this.#present) this.#heartbeat?.start();
    else this.#heartbeat?.stop();
    this.#ring.heldCount += countOf(content);
    this.#ring.heldBytes += content.bytes;
    return content;
  }

  #settled(content: BatchContent, rejected: number): void {
    this.#release(content);
    this.#published += countOf(content) - rejected;
    if (rejected > 0) this.#drop('rejected', rejected);
    this.#heartbeat?.postpone();
    this.#waiters.check();
  }

  #release(content: BatchContent): void {
    this.#ring.heldCount -= countOf(content);
    this.#ring.heldBytes -= content.bytes;
  }

  /** The first since the last notice is logged and wakes the sender; all are counted. */
  #drop(reason: DropReason, count: number): void {
    if (this.#drops.untold === 0) {
      log.warn(`activities are dropped: ${reason}`);
      if (!this.#scheduled && !this.#closed) this.#schedule();
    }
    this.#drops.count(reason, count);
  }

  #sign(sign: BatchContent['sign']): AppendRequest['instance'] {
    if (!this.#register) return undefined;
    return { name: this.instance, ...(this.service !== undefined && { service: this.service }), sign };
  }

  /** A bare sign of life; the answer is the log's own affair, the next batch finds out whether it can be reached. */
  #beat(): void {
    const instance = this.#sign('alive');
    const { target, healthy } = this.#sender;
    if (target === undefined || instance === undefined || !healthy) return;
    void runUntraced(() => target.append({ activities: [], instance }));
  }

  #firstUnsettled(): number {
    const [oldest] = this.#sender.outstanding;
    if (oldest !== undefined) return oldest.content.firstSequence;
    return this.#ring.count > 0 ? this.#ring.firstSequence : Number.POSITIVE_INFINITY;
  }

  #isDone(): boolean {
    const said = !this.#present && this.#drops.untold === 0;
    return said && this.#ring.count === 0 && this.#sender.outstanding.length === 0;
  }

  /** Tries at once, then until `done` or the time limit; the only wait here that holds the process, for that long. */
  async #wait(done: () => boolean): Promise<void> {
    if (this.#closed || done()) return;
    runUntraced(() => this.#sender.urge());
    await this.#waiters.wait(() => done() || this.#sender.hopeless, this.#closeTimeoutMs);
  }

  #trouble(error: LivespanError): void {
    const { url } = this.#target;
    const where = this.#sender.target?.description ?? url.replace(/^([a-z+]+:\/\/)([^@/]*@)?([^/?#]*).*$/i, '$1$3');
    const message = `livespan cannot write to ${where}: ${error.message}. Activities are kept in a bounded queue and sent when it can`;
    warnOnce('LIVESPAN_LOG_UNREACHABLE', message);
    if (!this.#away) log.warn(message);
    this.#away = true;
    this.#waiters.check();
  }

  #recovered(): void {
    if (this.#away) log.info(`livespan writes to ${this.#sender.target?.description} again`);
    this.#away = false;
  }

  /** The process dies of an uncaught exception once this returns: sends what there is from a thread, and waits for that. */
  #rescue(): void {
    if (this.#closed || (this.#away && this.#published === 0)) return;
    const batches = this.#sender.drain().map(({ number, content }) => ({ number, activities: content.activities }));
    if (batches.length === 0) return;
    rescueInWorker({
      target: this.#target,
      producerId: this.#sender.producerId,
      acked: this.#sender.acked,
      batches,
      timeoutMs: this.#closeTimeoutMs,
    });
  }
}

function ofApplication(content: BatchContent): (rejection: Rejection) => boolean {
  return ({ index }) => index >= 0 && index < content.activities.length && !content.notices.includes(index);
}

/** Those that are no rows of the option table. One activity with a service that is no text is one nobody can read. */
function checkOwnOptions({ service, register }: { service?: unknown; register?: unknown }): void {
  if (service !== undefined && typeof service !== 'string') throw wrongOption('service', 'text');
  if (register !== undefined && typeof register !== 'boolean') throw wrongOption('register', 'true or false');
}
