// Goal: what the benches fill a log with is what ingest would have written: the real host opens it and answers.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { findEcho } from '#runtime/testing/echo-machine.ts';
import { eventually } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';

import { startConversation } from '../services/conversation/conversation.ts';
import { contentOf, populate } from './population.ts';

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld();
});
afterAll(() => world.close());

test('every message of a population is answered', async () => {
  const { log } = world.runtime('prosa_api');
  const installation = { tenant: testTenant, instance: () => world.instance };
  const platform = { log, runtime: world.runtime };
  const population = await populate(installation, platform, 3);
  expect(await population.say(['Oi', 'tudo bem?'])).toBe(6);
  expect(await population.sayOne(4, 'até logo')).toBeDefined();

  const host = await startConversation(world.runtime('prosa_worker'), findEcho);
  try {
    const { records } = await eventually(
      () => contentOf(log, topics.replies),
      (written) => written.records >= 7,
    );
    expect(records).toBe(7);
    expect(await contentOf(log, parkedTopicOf(topics.events))).toEqual({ records: 0, bytes: 0 });
  } finally {
    await host.stop();
  }
});
