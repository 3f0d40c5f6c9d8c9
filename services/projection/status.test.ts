import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type RankedStatus, statusDelivered, statusReported } from './status.ts';

const merged = (reports: readonly (RankedStatus | undefined)[]): string | undefined =>
  reports
    .filter((report) => report !== undefined)
    .reduce<RankedStatus | undefined>(
      (best, report) => (best !== undefined && best.rank >= report.rank ? best : report),
      undefined,
    )?.status;

const delivered = (status: string, attempts = 1) => statusDelivered({ status, attempts });
const reported = (status: string) => statusReported({ status });

test('what is known of a message goes from sent over delivered to read', () => {
  expect(merged([delivered('sent'), reported('sent')])).toBe('sent');
  expect(merged([delivered('sent'), reported('delivered')])).toBe('delivered');
  expect(merged([reported('read'), reported('delivered'), delivered('sent')])).toBe('read');
  expect(merged([reported('played'), reported('delivered')])).toBe('read');
});

test('an unknown outcome is resolved by whatever the provider says', () => {
  expect(merged([delivered('unknown'), reported('sent')])).toBe('sent');
  expect(merged([delivered('unknown'), reported('read')])).toBe('read');
  expect(merged([delivered('unknown'), delivered('failed')])).toBe('failed');
});

test('a provider that accepted a message may fail later, unless it arrived', () => {
  expect(merged([delivered('sent'), reported('failed')])).toBe('failed');
  expect(merged([reported('failed'), reported('delivered')])).toBe('delivered');
});

test('a later attempt says more than an earlier one', () => {
  expect(merged([delivered('failed', 3), delivered('unknown', 4)])).toBe('unknown');
  expect(merged([delivered('failed', 3), delivered('sent', 4)])).toBe('sent');
});

test('a status of a later release says nothing', () => {
  expect(reported('teleported')).toBeUndefined();
  expect(delivered('teleported')).toBeUndefined();
  expect(reported('constructor')).toBeUndefined();
});

test('every order and repetition of reports comes to the same status', () => {
  const report = fc.oneof(
    fc.constantFrom('pending', 'sent', 'delivered', 'read', 'played', 'failed').map(reported),
    fc
      .tuple(fc.constantFrom('sent', 'failed', 'unknown', 'manual', 'cancelled'), fc.nat({ max: 2_000_000 }))
      .map(([status, attempts]) => delivered(status, attempts)),
  );
  const shuffled = fc
    .array(report, { minLength: 1, maxLength: 8 })
    .chain((reports) =>
      fc.tuple(fc.constant(reports), fc.shuffledSubarray([...reports, ...reports], { minLength: reports.length * 2 })),
    );
  fc.assert(fc.property(shuffled, ([reports, again]) => merged(again) === merged(reports)));
});

describe('in whatever order reports arrive', () => {
  /** What a person may see of a message, each behind what it may not come after. */
  const order = ['sending', 'cancelled', 'manual', 'unknown', 'failed', 'sent', 'delivered', 'read'];
  const place = (status: string | undefined): number => (status === undefined ? -1 : order.indexOf(status));

  /** Every order of the items. */
  function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
    if (items.length <= 1) return [items];
    return items.flatMap((item, i) =>
      permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
    );
  }

  const words = ['pending', 'sent', 'failed', 'delivered', 'read', 'played'];
  const ofOneAttempt = ['unknown', 'sent', 'failed'].map((status) => delivered(status));

  test.each([
    ["the provider's alone", words.map(reported), 'read'],
    ["the provider's and the sender's", [...words.slice(1, 5).map(reported), ...ofOneAttempt], 'read'],
    ['those of a message that nobody read', ['pending', 'sent', 'failed', 'delivered'].map(reported), 'delivered'],
    ['those of a message that failed', [...['pending', 'sent', 'failed'].map(reported), ...ofOneAttempt], 'failed'],
  ] as const)('%s come to the same, and none moves it backwards', (_, reports, last) => {
    const all = permutations(reports);
    expect(all.length).toBeGreaterThanOrEqual(24);
    for (const arrival of all) {
      const seen = arrival.map((_report, i) => merged(arrival.slice(0, i + 1)));
      expect(seen.at(-1)).toBe(last);
      for (const [i, status] of seen.entries()) {
        const before = seen[i - 1];
        // A provider that accepted a message may fail later: the one step that is none forward.
        if (before === 'sent' && status === 'failed') continue;
        expect(place(status), arrival.map((report) => report?.status).join(' ')).toBeGreaterThanOrEqual(place(before));
      }
      // Failed after delivered never shows.
      const arrived = seen.findIndex((status) => status === 'delivered' || status === 'read');
      if (arrived >= 0) expect(seen.slice(arrived)).not.toContain('failed');
    }
  });
});
