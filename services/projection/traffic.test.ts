/** Signs of life: whatever comes in answers what was sent before it, in any order, however often it is told. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { newUlid } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import type { ProsaRecord } from '#schemas/records.ts';

import type { Reading } from './readings.ts';
import { Traffic } from './traffic.ts';

let world: TestWorld;
let worker: Runtime;
beforeAll(async () => {
  world = await openTestWorld();
  worker = world.runtime('prosa_worker');
});
afterAll(() => world.close());

type Sign = readonly [what: 'heard' | 'sent', at: number];

const readingOf = (instance: string, [what, at]: Sign): Reading => ({
  logged: {} as Reading['logged'],
  glimpse: undefined,
  record: {
    tenant: testTenant,
    instance,
    occurredAt: at,
    ...(what === 'heard' ? { type: 'message.status', status: 'read' } : { type: 'delivery.updated', status: 'sent' }),
  } as ProsaRecord,
});

/** Notes groups of signs, each written by itself; what is known then, as times. */
async function after(groups: readonly (readonly Sign[])[]): Promise<unknown> {
  const instance = `i_${newUlid(worker.now())}`;
  for (const signs of groups) {
    const traffic = new Traffic(worker.database);
    traffic.note(signs.map((sign) => readingOf(instance, sign)));
    await traffic.stop();
  }
  const { rows } = await worker.database.query<Record<'heard' | 'from' | 'to', Date | null>>(
    [testTenant],
    'SELECT heard_at AS heard, unanswered_from AS "from", unanswered_to AS "to" FROM instance_traffic WHERE instance = $1',
    [instance],
  );
  const [row] = rows;
  return [row?.heard, row?.from, row?.to].map((time) => time?.getTime() ?? null);
}

const heard = (at: number): Sign => ['heard', at];
const sent = (at: number): Sign => ['sent', at];

test.each<[string, readonly Sign[], readonly (number | null)[]]>([
  ['nothing was sent', [heard(10)], [10, null, null]],
  ['sends that nothing came in after', [heard(10), sent(20), sent(30)], [10, 20, 30]],
  ['nothing ever came in', [sent(20), sent(30)], [null, 20, 30]],
  ['what came in last answers all', [sent(20), sent(30), heard(40)], [40, null, null]],
  ['what was sent after it is unanswered', [sent(20), heard(30), sent(40), sent(50)], [30, 40, 50]],
])('%s', async (_, signs, expected) => {
  const alone = signs.map((sign) => [sign]);
  expect(await after([signs])).toEqual(expected);
  expect(await after(alone)).toEqual(expected);
  expect(await after([...alone].reverse())).toEqual(expected);
  expect(await after([...alone, ...alone, signs])).toEqual(expected);
});
