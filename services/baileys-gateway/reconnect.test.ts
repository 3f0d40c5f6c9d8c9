// Goal: what follows an ending is what section 5.3 of the wire formats says, for every code.
import { describe, expect, test } from 'vitest';

import { codeOf, reconnectTimes, stepAfter } from './reconnect.ts';

const after = (code: number | undefined, failures = 0, more: { linked?: boolean; openMs?: number } = {}) =>
  stepAfter({ code, openMs: more.openMs, linked: more.linked ?? true }, failures, 0.5);

test.each([
  [401, 'session.logged-out', true],
  [402, 'session.barred', false],
  [403, 'session.forbidden', false],
  [406, 'session.client-refused', false],
  [411, 'session.device-mismatch', true],
  [440, 'session.replaced', false],
])('after %i nothing is tried again: %s, credentials forgotten: %s', (code, reason, forget) => {
  for (const failures of [0, 5]) expect(after(code, failures)).toEqual({ step: 'stop', reason, forget });
});

test.each([
  [428, 'session.connection-closed'],
  [515, 'session.restart-required'],
])('after %i it connects at once, but not for ever: %s', (code, reason) => {
  expect(after(code)).toEqual({ step: 'connect', reason, failures: 1, afterMs: 0 });
  expect(after(code, 1)).toMatchObject({ afterMs: 0 });
  expect(after(code, 3)).toMatchObject({ afterMs: 6_000, failures: 4 });
});

test.each([
  [408, 'session.timed-out'],
  [500, 'session.bad'],
  [503, 'session.unavailable'],
  [undefined, 'session.connection-lost'],
  [599, 'session.connection-lost'],
])('after %s it waits longer each time, up to a bound: %s', (code, reason) => {
  const waits = [0, 1, 2, 3, 4, 5].map((failures) => {
    const next = after(code, failures);
    expect(next).toMatchObject({ step: 'connect', reason, failures: failures + 1 });
    return next.step === 'connect' ? next.afterMs : 0;
  });
  expect(waits).toEqual([750, 1_500, 3_000, 6_000, 12_000, 24_000]);
  if (code !== 500) expect(after(code, 1_000)).toMatchObject({ afterMs: reconnectTimes.maxMs * 0.75 });
});

test('a session that WhatsApp keeps finding bad is left to a person; its credentials are kept', () => {
  expect(after(500, 7)).toEqual({ step: 'stop', reason: 'session.bad', forget: false });
});

test.each([405, 429])('after %i only time helps', (code) => {
  expect(after(code)).toMatchObject({ step: 'connect', afterMs: reconnectTimes.slowMs * 1.5 });
});

describe('an account that is not linked', () => {
  test('shows no more codes when nobody scanned them', () => {
    expect(after(408, 0, { linked: false })).toEqual({ step: 'stop', reason: 'session.qr-expired', forget: true });
  });
});

describe('a connection that was open', () => {
  test('for long counts as a good one', () => {
    expect(after(503, 9, { openMs: reconnectTimes.stableMs })).toMatchObject({ failures: 1, afterMs: 750 });
  });
  test('for moments only counts as one more failure', () => {
    expect(after(503, 4, { openMs: 500 })).toMatchObject({ failures: 5, afterMs: 12_000 });
    expect(after(428, 4, { openMs: 500 })).toMatchObject({ failures: 5, afterMs: 12_000 });
  });
});

test('waits are spread', () => {
  const at = (random: number) => stepAfter({ code: 503, openMs: undefined, linked: true }, 3, random);
  expect([at(0), at(0.999)]).toMatchObject([{ afterMs: 4_000 }, { afterMs: 7_996 }]);
});

test('the code is found in a Boom, and in nothing else', () => {
  expect(codeOf({ output: { statusCode: 515 } })).toBe(515);
  for (const other of [undefined, null, 'x', new Error('x'), { output: null }, { output: { statusCode: '515' } }])
    expect(codeOf(other)).toBeUndefined();
});
