// Goal: a claim takes no more than was asked for, and each file once, however Postgres plans it.
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Runtime } from '#runtime/runtime.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { type MediaMessage, openFetches } from './fetches.ts';

let world: TestWorld;
let runtime: Runtime;

beforeAll(async () => {
  world = await openTestWorld();
  runtime = world.runtime('prosa_worker', 'media');
});
afterAll(() => world.close());

const message = (number: number): MediaMessage => ({
  type: 'message.received',
  tenant: testTenant,
  actor: `c_${number}`,
  eventId: `e_${number}`,
  causationId: null,
  occurredAt: 1_000 + number,
  providerAt: null,
  revision: null,
  instance: world.instance.id,
  kind: 'image',
  group: false,
  sealed: Buffer.from('sealed'),
});

test('the oldest are claimed first, as many as asked for', async () => {
  const fetches = openFetches(runtime);
  await fetches.add(
    Array.from({ length: 9 }, (_, i) => message(i)),
    'media',
    [],
  );
  const claimed: string[][] = [];
  for (const count of [2, 3, 4]) claimed.push((await fetches.claim(count)).map(({ event_id: id }) => id).sort());
  expect(claimed).toEqual([
    ['e_0', 'e_1'],
    ['e_2', 'e_3', 'e_4'],
    ['e_5', 'e_6', 'e_7', 'e_8'],
  ]);
});
