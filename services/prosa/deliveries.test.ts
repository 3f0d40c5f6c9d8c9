// Goal: deliveries that did not go out are seen and decided about from the command line.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { testTenant } from '#runtime/testing/runtime.ts';

import { openApiWorld, type ApiWorld } from '../api/testing/api-world.ts';
import { exitCodes } from './exit-codes.ts';
import { type Body, Installation } from './testing/installation.ts';

let at: Installation;
let api: ApiWorld;
let serial = 0;
beforeAll(async () => {
  at = Installation.over(await openApiWorld());
  ({ api } = at);
});
afterAll(() => at.close());

/** A delivery as a process left it. */
async function delivery(status: string, cause = 'provider.unavailable'): Promise<string> {
  serial += 1;
  const id = `d_${serial}`;
  await api.tables.query(
    [testTenant],
    `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, origin, priority, kind, status,
       reason, cause, attempts, client_message_id)
     VALUES ($1, $2, $2, 0, $3, $4, 'api', 'normal', 'text', $5, 'attempts-exhausted', $6, 4, $2)`,
    [testTenant, id, serial, api.world.instance.id, status, cause],
  );
  return id;
}
const statusOf = async (id: string) => (await at.answer(`deliveries show ${id}`))['status'];

test('causes are counted, and one delivery is shown with what became of each attempt', async () => {
  const id = await delivery('manual');
  await delivery('manual');
  await delivery('unknown', 'provider.timeout');
  await api.tables.query(
    [testTenant],
    `INSERT INTO delivery_attempts (tenant, delivery, number, instance, provider, at, outcome, code, http_status, duration_ms)
     VALUES ($1, $2, 1, 'i', 'waha', now(), 'retry', 'provider.unavailable', 503, 12)`,
    [testTenant, id],
  );
  const { stdout } = await at.run('deliveries causes', 'analyst');
  expect(stdout).toMatch(/^COUNT +STATUS +REASON +CAUSE/);
  expect(stdout).toMatch(/2 +manual +attempts-exhausted +provider\.unavailable/);
  expect(await at.answer('deliveries causes --status unknown')).toMatchObject({ total: 1 });
  const shown = (await at.run(`deliveries show ${id}`, 'analyst')).stdout;
  expect(shown).toMatch(/cause +provider\.unavailable/);
  expect(shown).toMatch(/1 +\S+ +i +waha +retry +provider\.unavailable +503 +12/);
  expect((await at.run('deliveries --status manual')).stdout).toMatch(/provider\.unavailable/);
  expect(await at.run('deliveries show d_none')).toMatchObject({ code: exitCodes.notFound });
});

test('retry takes ids, a cause or some hours, and says what it could not do', async () => {
  const [named, other, sent, unknown] = [
    await delivery('manual', 'named'),
    await delivery('failed', 'other'),
    await delivery('sent'),
    await delivery('unknown', 'maybe'),
  ];
  expect(await at.answer('deliveries retry --cause none')).toEqual({ retried: 0, skipped: [] });
  const partly = await at.run(`deliveries retry ${named},${sent} --json`);
  expect([partly.code, JSON.parse(partly.stdout) as Body]).toEqual([
    exitCodes.differs,
    { retried: 1, skipped: [sent] },
  ]);
  expect((await at.run(`deliveries retry ${sent}`)).code).toBe(exitCodes.refused);
  expect(await at.answer('deliveries retry --hours 1 --cause other')).toMatchObject({ retried: 1 });
  expect((await at.run(`deliveries retry ${unknown}`)).code).toBe(exitCodes.refused);
  expect(await at.answer('deliveries retry --status unknown --cause maybe --even-if-unknown')).toMatchObject({
    retried: 1,
  });
  for (const id of [named, other, unknown]) expect(await statusOf(id)).toBe('queued');
});

test('cancel does too; what may have arrived is only dismissed', async () => {
  const [queued, manual, unknown] = [
    await delivery('queued'),
    await delivery('manual', 'late'),
    await delivery('unknown', 'late'),
  ];
  expect(await at.answer('deliveries cancel --cause late')).toEqual({ cancelled: 1, dismissed: 0, skipped: [] });
  expect(await at.answer(`deliveries cancel ${queued},${unknown}`)).toEqual({
    cancelled: 1,
    dismissed: 1,
    skipped: [],
  });
  expect(await Promise.all([queued, manual, unknown].map(statusOf))).toEqual(['cancelled', 'cancelled', 'unknown']);
});

test('which deliveries is always said, once, and by who may decide', async () => {
  const id = await delivery('manual');
  for (const what of ['retry', 'cancel'])
    for (const wrong of ['', ` ${id} --hours 1`, ' --status manual'])
      expect(await at.run(`deliveries ${what}${wrong}`)).toMatchObject({ code: exitCodes.usage });
  expect(await at.run(`deliveries retry ${id}`, 'analyst')).toMatchObject({ code: exitCodes.refused });
  expect(await statusOf(id)).toBe('manual');
});
