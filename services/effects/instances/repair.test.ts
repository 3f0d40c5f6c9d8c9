/** Goal: what a repair reads is bounded, and what it hands in is the same however often it is done. Method: a provider with a history of this test. */
import { describe, expect, test } from 'vitest';

import { OperatingError } from '#runtime/errors.ts';
import type { Instance } from '#runtime/instances/instances.ts';

import { EffectFailure } from '../handler.ts';
import type { AccountProvider, MissedWebhook } from '../ports/accounts.ts';
import { repair } from './repair.ts';

const instance: Instance = {
  id: 'i_1',
  tenant: 'demo',
  line: 'l_1',
  provider: 'waha',
  name: 'waha',
  settings: {},
  credentials: { webhookToken: 'a token' },
};
const range = { from: 1_000_000, to: 2_000_000 };
const { signal } = new AbortController();

/** A history of so many messages, which fails after `failsAfter` of them. */
function history(messages: number, failsAfter = Infinity, failure?: unknown) {
  const asked: (readonly [from: number, to: number])[] = [];
  let read = 0;
  const account = {
    async *missed(_: Instance, from: number, to: number): AsyncGenerator<MissedWebhook> {
      asked.push([from, to]);
      for (let id = 0; id <= messages; id++) {
        if (id >= failsAfter) throw failure;
        if (id === messages) return;
        read += 1;
        yield await Promise.resolve({ at: range.from + id, body: { id } });
      }
    },
    sign: (_: Instance, body: string) => ({ signature: String(body.length) }),
  } as unknown as AccountProvider;
  return { account, asked, read: () => read };
}

/** Ingest as far as this goes: it knows what it had. `away` after so many. */
function ingest(awayAfter = Infinity) {
  const posted: string[] = [];
  const known = new Set<string>();
  return {
    posted,
    back: () => void (awayAfter = Infinity),
    post: (path: string, body: string) => {
      if (posted.length >= awayAfter) return Promise.reject(new OperatingError('log.unavailable'));
      posted.push(`${path} ${body}`);
      const accepted = known.has(body) ? 0 : 1;
      known.add(body);
      return Promise.resolve({ accepted, duplicates: 1 - accepted });
    },
  };
}

describe('a repair', () => {
  test('asks for the gap and a minute on either side, and no further back', async () => {
    const { account, asked } = history(1);
    await repair(account, ingest().post, instance, range, signal);
    expect(asked).toEqual([[940_000, 2_060_000]]);
  });

  test('marks what it hands in, at the webhook of the instance', async () => {
    const { posted, post } = ingest();
    expect(await repair(history(1).account, post, instance, range, signal)).toEqual({
      found: 1,
      recovered: 1,
      complete: true,
    });
    expect(posted).toEqual(['/webhooks/waha/a%20token {"id":0,"recovered":true}']);
  });

  test('hands in so many, and says that there were more', async () => {
    const { account, read } = history(10_100);
    const { posted, post } = ingest();
    const done = await repair(account, post, instance, range, signal);
    expect(done).toEqual({ found: 10_000, recovered: 10_000, complete: false });
    expect(posted).toHaveLength(10_000);
    // Nothing is read for nothing, but for the one by which it is known that there are more.
    expect(read()).toBe(10_001);
  });

  test('of just so many is complete', async () => {
    const done = await repair(history(10_000).account, ingest().post, instance, range, signal);
    expect(done).toEqual({ found: 10_000, recovered: 10_000, complete: true });
  });

  test('that is done again hands in the same, and finds nothing new', async () => {
    const { posted, post } = ingest();
    await repair(history(3).account, post, instance, range, signal);
    const again = await repair(history(3).account, post, instance, range, signal);
    expect(again).toEqual({ found: 3, recovered: 0, complete: true });
    expect(posted.slice(3)).toEqual(posted.slice(0, 3));
  });

  test('that ingest went away from is done again, and counts what was handed in before as known', async () => {
    const { back, post } = ingest(2);
    await expect(repair(history(3).account, post, instance, range, signal)).rejects.toMatchObject({
      code: 'log.unavailable',
    });
    back();
    expect(await repair(history(3).account, post, instance, range, signal)).toEqual({
      found: 3,
      recovered: 1,
      complete: true,
    });
  });

  test('keeps what it handed in before the provider could give no more', async () => {
    const cut = history(5, 2, new EffectFailure('provider.history-too-long'));
    expect(await repair(cut.account, ingest().post, instance, range, signal)).toEqual({
      found: 2,
      recovered: 2,
      complete: false,
    });
  });

  test('is tried again where the provider may give more then', async () => {
    const passing = new EffectFailure('provider.unavailable', { retry: true });
    const { account } = history(5, 2, passing);
    await expect(repair(account, ingest().post, instance, range, signal)).rejects.toBe(passing);
  });

  test('that could read nothing at all has failed', async () => {
    const refused = new EffectFailure('provider.refused');
    await expect(repair(history(5, 0, refused).account, ingest().post, instance, range, signal)).rejects.toBe(refused);
  });

  test('of a provider without a history is done at once', async () => {
    const account = { sign: () => ({}) } as unknown as AccountProvider;
    expect(await repair(account, ingest().post, instance, range, signal)).toEqual({
      found: 0,
      recovered: 0,
      complete: true,
    });
  });
});
