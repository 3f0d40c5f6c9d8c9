/**
 * Permits to send, within the limits of instances and chats.
 *
 * E1 A permit is taken before a delivery is claimed, so that nothing is claimed that may not go; what
 *    was not needed is given back.
 * E2 Right before the call it is confirmed: one that became old is taken anew, and the chat's own bounds
 *    are asked. What may not go then is queued again, without an attempt, in its place in the chat.
 * E3 A permit counts until the call is over, since nobody knows when within it the provider reads the
 *    message: so the bounds hold by its clock too, unless a call lasts longer than a window.
 */
import type { Instance } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type SendClass, classOfLane } from './lanes.ts';
import { chatWindows, classWindows, numberWindows } from './limits.ts';
import type { ClaimedDelivery } from './deliveries.ts';
import type { RateGrant, RateWindow, RateWindows } from './rate-windows.ts';

/** The permit of one delivery. Does not throw. */
export interface Permit {
  /** Milliseconds to wait; 0 when it may go now, which uses the permit up. */
  confirm(delivery: ClaimedDelivery, instance: Instance): Promise<number>;
  /** The call, if there was one, is over: gives the permit back unless it was used. Idempotent. */
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

/** Windows of which a permit was taken together, and when. */
interface Held {
  readonly windows: readonly RateWindow[];
  readonly at: number;
}

/** A permit older than this, in milliseconds, is taken anew: it might end before the call does. */
const freshMs = 200;

/** Windows up to this length count calls from their end. */
const renewedMsMax = 5_000;

/** Makes the permits. `limited` is told of what was put off, by the bound that it met. */
export function createPermits(
  { instances, now }: Pick<Runtime, 'instances' | 'now'>,
  windows: RateWindows,
  limited: (instance: Instance, bound: string) => void = () => undefined,
): Permits {
  const take = async (instance: Instance, of: readonly RateWindow[], wanted: number): Promise<RateGrant> => {
    if (of.length === 0 || wanted === 0) return { granted: wanted, waitMs: 0, at: now() };
    const grant = await windows.take(of, wanted);
    if (grant.granted < wanted) limited(instance, boundOf(of));
    return grant;
  };

  /** Milliseconds until the chat has room; 0 when a permit of it was taken. */
  const chatWait = async (delivery: ClaimedDelivery, instance: Instance): Promise<number> =>
    (await take(instance, chatWindows(instance, delivery.conversation), 1)).waitMs;

  const permitOf = (takenAt: number, held: readonly Held[]): Permit => {
    let holds = held;
    let state: 'held' | 'used' | 'over' = 'held';
    const release = (): void => {
      for (const { windows: of, at } of holds) {
        if (state === 'held') windows.giveBack(of, 1);
        // E3: where a call is short against the window it makes no difference.
        if (state === 'used' && of.some(({ windowMs }) => windowMs <= renewedMsMax)) windows.renew(of, at);
      }
      state = 'over';
    };
    return {
      release,
      async confirm(delivery, instance) {
        if (state !== 'held' || now() - takenAt > freshMs) {
          release();
          const anew = [numberWindows(instance), classWindows(instance, classOfLane(delivery.lane))].flat();
          const again = await take(instance, anew, 1);
          if (again.granted === 0) return again.waitMs;
          holds = [{ windows: anew, at: again.at }];
          state = 'held';
        }
        const waitMs = await chatWait(delivery, instance);
        if (waitMs > 0) release();
        else state = 'used';
        return waitMs;
      },
    };
  };

  return {
    async allow(tenant, id, classes, wanted) {
      const instance = await instances.read(tenant, id);
      if (instance === undefined) return unlimited(wanted, permitOf(now(), []));
      const takenAt = now();
      const number = numberWindows(instance);
      const total = await take(instance, number, wanted);
      const rooms = new Map<SendClass, { left: number; readonly held: Held }>();
      let waitMs = total.granted < wanted ? total.waitMs : undefined;
      for (const one of classes) {
        const held = classWindows(instance, one);
        const room = await take(instance, held, total.granted);
        if (room.granted < total.granted) waitMs = Math.min(waitMs ?? Infinity, room.waitMs);
        rooms.set(one, { left: room.granted, held: { windows: held, at: room.at } });
      }
      let left = total.granted;
      return {
        total: total.granted,
        of: (one) => rooms.get(one)?.left ?? 0,
        waitMs,
        permit(one) {
          const room = rooms.get(one);
          left -= 1;
          if (room !== undefined) room.left -= 1;
          return permitOf(takenAt, [{ windows: number, at: total.at }, ...(room === undefined ? [] : [room.held])]);
        },
        close() {
          if (left > 0) windows.giveBack(number, left);
          for (const room of rooms.values()) if (room.left > 0) windows.giveBack(room.held.windows, room.left);
          left = 0;
          rooms.clear();
        },
      };
    },
  };
}

/** Nothing is known of the instance: what is sent with it finds out. */
const unlimited = (total: number, permit: Permit): Allowance => ({
  total,
  of: () => total,
  waitMs: undefined,
  permit: () => permit,
  close: () => undefined,
});

/** `{instance}:chat:conversation` is `chat`: a code, for metrics. */
const boundOf = (windows: readonly RateWindow[]): string => windows.at(-1)?.key.split(':')[1] ?? '';
