import {
  type ContextManager,
  context,
  propagation,
  type TextMapPropagator,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { log } from '../diag.ts';
import { laterVersion, registrantVersion } from './api-copies.ts';
import type { YieldingProvider } from './yielding-provider.ts';

/**
 * OpenTelemetry's API keeps one provider, one context manager and one propagator a process in an object at this symbol,
 * shared by all its copies (also the CommonJS and the ESM half of one version), and refuses every second registration
 * with nothing but a `diag.error`. An application that sets up its SDK after us would get no span.
 *
 * So we hold the slots and give them away: a registration, and nothing else, assigns to the symbol on `globalThis` just
 * before it looks whether the slot is free; every look-up only reads it. An accessor there tells one from the other, and
 * accessors on the slots answer "free" to a registration while what is in them is ours.
 */
const API_KEY: unique symbol = Symbol.for('opentelemetry.js.api.1') as never;
const SLOTS = ['trace', 'context', 'propagation'] as const;
type SlotName = (typeof SLOTS)[number];
type ApiObject = Record<string, unknown> & { version?: string };
const root = globalThis as { [API_KEY]?: ApiObject };

export interface SlotOffer {
  /** Gets what it creates spans with. */
  provider: YieldingProvider;
  contextManager: ContextManager;
  propagator: TextMapPropagator | undefined;
  /** The application has registered its own. */
  onTaken(slot: SlotName): void;
  /** A registration was refused all the same: another version of the API than the one that holds the slots. */
  onRefused(slot: SlotName): void;
}

export interface GlobalSlots {
  /** The slots that were free and are ours. */
  readonly held: ReadonlySet<SlotName>;
  /** Whether they can be given away: false where the API's object cannot be changed (frozen globals). */
  readonly yielding: boolean;
  /** Empties the slots that are still ours; may be called twice. */
  release(): void;
}

/** Whether somebody else's provider is registered, by whatever copy of the API. */
export function providerRegistered(): boolean {
  return Boolean(root[API_KEY]?.trace);
}

/** Registers what is offered in every slot that is free. */
export function occupySlots(offer: SlotOffer): GlobalSlots {
  const held = new Set<SlotName>();
  const registerFree = () => {
    const free = (slot: SlotName) => !root[API_KEY]?.[slot];
    if (free('trace') && trace.setGlobalTracerProvider(offer.provider)) held.add('trace');
    if (free('context') && context.setGlobalContextManager(offer.contextManager)) held.add('context');
    if (offer.propagator && free('propagation') && propagation.setGlobalPropagator(offer.propagator)) {
      held.add('propagation');
    }
  };
  registerFree();
  try {
    const steward = installSteward(held, offer);
    // Refused before where another version of the API had made the object (by `diag.setLogger`, say).
    steward.offering(registerFree);
    return { held, yielding: true, release: steward.release };
  } catch (error) {
    log.error('the slots of the OpenTelemetry API cannot be watched', error);
    return { held, yielding: false, release: () => undefined };
  }
}

/** Puts accessors in place of the API's object and of its slots. Throws where that is forbidden. */
function installSteward(held: Set<SlotName>, offer: SlotOffer) {
  const before = root[API_KEY] ?? {};
  const values: Partial<Record<SlotName, unknown>> = {};
  const api: ApiObject = Object.defineProperties({}, Object.getOwnPropertyDescriptors({ ...before }));
  let offering = false;
  /** Between the assignment that begins a registration and the next look-up. */
  let registering = false;
  /** Told to be free in a registration under way. */
  let promised: SlotName | undefined;

  defineVersion(api, before.version, () => registering);
  for (const slot of SLOTS) {
    values[slot] = before[slot];
    Object.defineProperty(api, slot, {
      enumerable: true,
      configurable: true,
      get() {
        if (!registering || !held.has(slot)) return values[slot];
        promised = slot;
        return undefined;
      },
      set(value: unknown) {
        promised = undefined;
        values[slot] = value;
        if (!offering && held.delete(slot)) {
          if (slot === 'trace') offer.provider.yieldTo(value as TracerProvider);
          offer.onTaken(slot);
        }
      },
    });
  }
  Object.defineProperty(root, API_KEY, {
    enumerable: true,
    configurable: true,
    get() {
      registering = false;
      if (promised !== undefined) {
        const refused = promised;
        promised = undefined;
        offer.onRefused(refused);
      }
      return api;
    },
    set(value: ApiObject | undefined) {
      if (value === api) registering = true;
      else replaceApi(value);
    },
  });

  return {
    offering(register: () => void) {
      offering = true;
      register();
      offering = false;
    },
    release() {
      if (root[API_KEY] !== api) return;
      const plain: ApiObject = {};
      for (const name of Object.keys(api)) if (!held.has(name as SlotName)) plain[name] = api[name];
      held.clear();
      replaceApi(plain);
    },
  };
}

/** Whoever registers is told its own version, whoever looks something up the latest that took part. */
function defineVersion(api: ApiObject, first: string | undefined, isRegistering: () => boolean): void {
  let version = first;
  Object.defineProperty(api, 'version', {
    enumerable: true,
    get() {
      if (!isRegistering()) return version;
      const theirs = registrantVersion() ?? version;
      version = laterVersion(version, theirs);
      return theirs;
    },
  });
}

function replaceApi(value: ApiObject | undefined): void {
  Object.defineProperty(root, API_KEY, { value, writable: true, enumerable: true, configurable: true });
}
