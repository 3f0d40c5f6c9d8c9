/** Two senders on one limited account, watched by the account's own clock. */
import { expect } from 'vitest';

import type { RateWindows } from '../rate-windows.ts';
import { patient, texts, type useSenderWorld } from './sender-world.ts';

/** The most requests of any second. */
export const peakOf = (times: readonly number[], windowMs = 1_000): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length));

/**
 * Sends some messages to each of some chats with two senders, so few a second being allowed that any machine could
 * send more, some of which the provider refuses for now; expects every bound to hold and every message to be there once
 * and in order.
 */
export async function expectLimitsHeld(
  here: ReturnType<typeof useSenderWorld>,
  windowsOf: (owner: string) => RateWindows,
  perSecond = 10,
): Promise<void> {
  const { fake, instance } = await here.waha({}, { perSecond, perChatPerMinute: null, initiatedPerMinute: null });
  const chats = await Promise.all(Array.from({ length: 8 }, () => here.chatOn(instance)));
  await here.sender({ ...patient, windows: windowsOf('one') });
  await here.sender({ ...patient, windows: windowsOf('two') }, here.workerRuntime());
  fake.fault({ kind: 'status', status: 503, times: 4 });
  const wanted = Array.from({ length: 4 }, (_, i) => `n${i}`);
  const ids = (await Promise.all(chats.map((chat) => here.ask(chat, ...wanted)))).flat();
  const rows = await here.outcome(ids);
  expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['sent']));
  // What was put off by the limit counts no attempt.
  expect(rows.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(ids.length + 4);
  for (const chat of chats) expect(texts(fake, chat)).toEqual(wanted);
  const times = fake.sends().map(({ at }) => at);
  expect(times).toHaveLength(ids.length + 4);
  expect(peakOf(times)).toBeLessThanOrEqual(perSecond);
  // And near it: else nothing was shown.
  expect(peakOf(times)).toBeGreaterThan(perSecond / 2);
}
