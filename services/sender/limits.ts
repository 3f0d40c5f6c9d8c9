/**
 * What limits sending: windows of an instance, by class, and of a chat.
 *
 * Facts: Cloud 80 messages a second and number, up to 1000 by Meta's leave, 20 in coexistence; a pair of
 * number and user 1 in 6 s with a burst of 45 that is paid back by waiting, so 45 in 270 s
 * (developers.facebook.com, throughput and pair rate limits). The others are no interface for programs and
 * name no limits; theirs are ours.
 */
import type { Instance } from '#runtime/instances/instances.ts';
import type { SendLimits } from '#runtime/instances/send-limits.ts';

import type { SendClass } from './lanes.ts';
import type { RateWindow } from './rate-windows.ts';

const cloudPerSecond = { usual: 80, coexistence: 20 } as const;
const cloudPair = { max: 45, windowMs: 270_000 } as const;

const unofficial: SendLimits = { perChatPerMinute: 30, initiatedPerMinute: 10 };

/** Calls in flight of one account: of those that have one session behind them, and of a Cloud number at most. */
const callsMax = { session: 8, number: 256 } as const;

/** For so long a call to Meta may last while a number keeps to its limit, in seconds. */
const callSeconds = 0.25;

/** Every window is longer by this: clocks and timers tick apart. */
const slackMs = 20;

const [second, minute, day] = [1_000, 60_000, 86_400_000];

/** The limits of an instance: what is set, else its provider's. */
function limitsOf({ provider, settings }: Instance): SendLimits {
  const { limits = {} } = settings;
  if (provider === 'simulator') return limits;
  if (provider !== 'cloud') return { ...unofficial, ...limits };
  return { perSecond: cloudPerSecond[limits.coexistence === true ? 'coexistence' : 'usual'], ...limits };
}

/** Most calls in flight of an instance: as many as its limit needs, and no more than a session takes. */
export function callsAtOnce(instance: Instance): number {
  if (instance.provider !== 'cloud') return callsMax.session;
  const { perSecond } = limitsOf(instance);
  return perSecond == null ? callsMax.number : Math.max(callsMax.session, Math.ceil(perSecond * callSeconds));
}

const window = (
  instance: Instance,
  name: string,
  max: number | null | undefined,
  windowMs: number,
): readonly RateWindow[] =>
  // One slot for all windows of an instance in a cluster of Redis.
  max == null ? [] : [{ key: `{${instance.id}}:${name}`, max, windowMs: windowMs + slackMs }];

/** Bounds of all that an instance sends. */
export const numberWindows = (instance: Instance): readonly RateWindow[] =>
  window(instance, 'number', limitsOf(instance).perSecond, second);

/** Bounds of what it sends of a class, besides. */
export function classWindows(instance: Instance, sendClass: SendClass): readonly RateWindow[] {
  const limits = limitsOf(instance);
  if (sendClass === 'reply') return window(instance, 'replies', limits.repliesPerMinute, minute);
  return [
    ...window(instance, 'initiated', limits.initiatedPerMinute, minute),
    ...window(instance, 'new-chats', sendClass === 'cold' ? limits.newChatsPerDay : null, day),
  ];
}

/** Bounds of what it sends to one chat. */
export function chatWindows(instance: Instance, conversation: string): readonly RateWindow[] {
  const pair = instance.provider === 'cloud' ? cloudPair : undefined;
  return [
    ...window(instance, `pair:${conversation}`, pair?.max, pair?.windowMs ?? 0),
    ...window(instance, `chat:${conversation}`, limitsOf(instance).perChatPerMinute, minute),
  ];
}
