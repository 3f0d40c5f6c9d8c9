import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type FallbackPolicy, fallbackRungs } from '#runtime/tenants/sending-policy.ts';

import { type LadderView, type Standing, nextRung } from './ladder.ts';

const all: LadderView = { standing: null, standIn: 'i_2', canBeRaised: true, canNotify: true };

test('the rungs are tried in the order of the requirement, the queue for decisions last', () => {
  expect(nextRung(fallbackRungs, all)).toBe('instance');
  // As long as there is another account.
  expect(nextRung(fallbackRungs, { ...all, standing: 'instance' })).toBe('instance');
  expect(nextRung(fallbackRungs, { ...all, standing: 'instance', standIn: undefined })).toBe('priority');
  expect(nextRung(fallbackRungs, { ...all, standing: 'priority' })).toBe('notify');
  expect(nextRung(fallbackRungs, { ...all, standing: 'priority', canNotify: false })).toBe('manual');
});

test('a tenant orders and leaves out rungs; what cannot be tried is passed over', () => {
  expect(nextRung(['priority', 'instance'], all)).toBe('priority');
  expect(nextRung(['priority', 'instance'], { ...all, standing: 'priority' })).toBe('instance');
  expect(nextRung(['priority', 'instance'], { ...all, standing: 'instance', standIn: undefined })).toBe('manual');
  expect(nextRung([], all)).toBe('manual');
  expect(nextRung(fallbackRungs, { ...all, standIn: undefined, canBeRaised: false })).toBe('notify');
});

test('it ends, whatever is configured and changes meanwhile', () => {
  const configurations = fc.infiniteStream(fc.shuffledSubarray([...fallbackRungs]));
  fc.assert(
    fc.property(configurations, fc.integer({ min: 0, max: 4 }), fc.boolean(), (configured, accounts, canNotify) => {
      let standing: Standing | null = null;
      let left = accounts;
      for (let moves = 0; ; moves += 1) {
        expect(moves).toBeLessThanOrEqual(accounts + 3);
        const { value: steps } = configured.next() as { readonly value: FallbackPolicy['steps'] };
        const standIn = left > 0 ? 'i' : undefined;
        const rung = nextRung(steps, { standing, standIn, canBeRaised: standing !== 'priority', canNotify });
        if (rung === 'manual' || rung === 'notify') return;
        if (rung === 'instance') left -= 1;
        standing = rung;
      }
    }),
  );
});
