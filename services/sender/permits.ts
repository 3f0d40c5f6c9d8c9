/**
 * Permits to send, within the limits of instances and chats.
 *
 * E1 A permit is taken before a delivery is claimed, so that nothing is claimed that may not go; what
 *    was not needed is given back.
 * E2 Right before the call it is confirmed: one that might not count until the call is over is taken anew,
 *    and the chat's own bounds are asked. What may not go then is queued again, without an attempt, in its
 *    place in the chat.
 * E3 Every bound counts a call from its permit to its end, since nobody knows when within it the provider
 *    reads the message (W2 of `rate-windows.ts`). So all bounds hold by the provider's clock, unless this
 *    process stands still between the last look at the time (C2 of `courier.ts`) and the first byte of the
 *    call for longer than the rest of a lease.
 */
import type { Instance } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type SendClass, classOfLane } from './lanes.ts';
import { chatWindows, classWindows, numberWindows } from './limits.ts';
import type { ClaimedDelivery } from './deliveries.ts';
import type { NamedPermit, RateGrant, RateWindow, RateWindows } from './rate-windows.ts';

/** The permit of one delivery. Does not throw. */
export interface Permit {
  /** Milliseconds to wait; 0 when it may go now, which uses the permit up. */
  confirm(delivery: ClaimedDelivery, instance: Instance): Promise<number>;
  /** The call is over, or there was none: then the permit is given back unless it was confirmed. Idempotent. */
  release(): void;
}

/** Permits for one round of claims of an instance. */
export interface Allowance {
  /** Most deliveries in all. */
  readonly total: number;
  /** Most of a class. */
  of(sendClass: SendClass): number;
  /** Milliseconds until more could be allowed; undefined when nothing was refused. */
  readonly waitMs: number | undefined;
  /** The permit of one that was claimed. */
  permit(sendClass: SendClass): Permit;
  /** Gives back what was not made a permit. */
  close(): void;
}

/** Permits of a process. */
export interface Permits {
  /** Takes what `wanted` deliveries of some classes may need. Throws `database.unavailable`, `vault.unavailable`. */
  allow(tenant: string, instance: string, classes: readonly SendClass[], wanted: number): Promise<Allowance>;
}

/** A permit that is confirmed later than this after it was taken, in milliseconds, is taken anew. */
const freshMs = 1_000;

/** What permits are made with. */
export interface PermitParts {
  readonly runtime: Pick<Runtime, 'instances' | 'now'>;
  readonly windows: RateWindows;
  /** Milliseconds from a confirmation within which its call ends. */
  readonly callWithinMs: number;
  /** Told of what was put off, by the bound that it met. */
  readonly limited?: (instance: Instance, bound: string) => void;
}

/** Makes the permits. */
export function createPermits({ runtime, windows, callWithinMs, limited = () => undefined }: PermitParts): Permits {
  const { instances, now } = runtime;

  const take = async (instance: Instance, of: readonly RateWindow[], wanted: number): Promise<Taken> => {
    if (of.length === 0 || wanted === 0) return new Taken(of, { names: [], waitMs: 0 }, wanted);
    const grant = await windows.take(of, wanted, freshMs + callWithinMs);
    if (grant.names.length < wanted) limited(instance, boundOf(of));
    return new Taken(of, grant, grant.names.length);
  };

  const permitOf = (takenAt: number, taken: readonly NamedPermit[]): Permit => {
    let holds = taken;
    let state: 'held' | 'used' | 'over' = 'held';
    const release = (): void => {
      if (holds.length > 0 && state === 'held') windows.giveBack(holds);
      if (holds.length > 0 && state === 'used') windows.end(holds);
      state = 'over';
      holds = [];
    };
    /** Milliseconds until there is room; 0 when it was taken. */
    const hold = async (instance: Instance, of: readonly RateWindow[]): Promise<number> => {
      const grant = await take(instance, of, 1);
      holds = [...holds, ...grant.next()];
      return grant.waitMs;
    };
    return {
      release,
      async confirm(delivery, instance) {
        let waitMs = 0;
        if (state !== 'held' || now() - takenAt > freshMs) {
          release();
          state = 'held';
          const sendClass = classOfLane(delivery.lane);
          waitMs = await hold(instance, [...numberWindows(instance), ...classWindows(instance, sendClass)]);
        }
        if (waitMs === 0) waitMs = await hold(instance, chatWindows(instance, delivery.conversation));
        if (waitMs > 0) release();
        else state = 'used';
        return waitMs;
      },
    };
  };

  return {
    async allow(tenant, id, classes, wanted) {
      const instance = await instances.read(tenant, id);
      if (instance === undefined) return unlimited(wanted, () => permitOf(-Infinity, []));
      const takenAt = now();
      const total = await take(instance, numberWindows(instance), wanted);
      const rooms = new Map<SendClass, Taken>();
      let waitMs = total.waitMs > 0 ? total.waitMs : undefined;
      for (const one of classes) {
        const room = await take(instance, classWindows(instance, one), total.left);
        if (room.waitMs > 0) waitMs = Math.min(waitMs ?? Infinity, room.waitMs);
        rooms.set(one, room);
      }
      return {
        total: total.left,
        of: (one) => rooms.get(one)?.left ?? 0,
        waitMs,
        permit: (one) => permitOf(takenAt, [...total.next(), ...(rooms.get(one)?.next() ?? [])]),
        close() {
          const unused = [total, ...rooms.values()].flatMap((taken) => taken.rest());
          if (unused.length > 0) windows.giveBack(unused);
          rooms.clear();
        },
      };
    },
  };
}

/** What was taken of some windows and is not used yet. Without windows there is no permit, and room all the same. */
class Taken {
  readonly waitMs: number;
  readonly #windows: readonly RateWindow[];
  readonly #names: string[];
  #left: number;

  constructor(windows: readonly RateWindow[], { names, waitMs }: RateGrant, left: number) {
    this.waitMs = waitMs;
    this.#windows = windows;
    this.#names = [...names];
    this.#left = left;
  }

  get left(): number {
    return this.#left;
  }

  /** One of them. */
  next(): readonly NamedPermit[] {
    this.#left -= 1;
    return this.#named(this.#names.splice(0, 1));
  }

  /** All that are left. */
  rest(): readonly NamedPermit[] {
    this.#left = 0;
    return this.#named(this.#names.splice(0));
  }

  readonly #named = (names: readonly string[]): readonly NamedPermit[] =>
    names.map((name) => ({ name, windows: this.#windows }));
}

/** Nothing is known of the instance: what is sent with it finds out. */
const unlimited = (total: number, permit: () => Permit): Allowance => ({
  total,
  of: () => total,
  waitMs: undefined,
  permit,
  close: () => undefined,
});

/** `{instance}:chat:conversation` is `chat`: a code, for metrics. */
const boundOf = (windows: readonly RateWindow[]): string => windows.at(-1)?.key.split(':')[1] ?? '';
