import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { OutboundContent } from '#schemas/content.ts';

import type { Runtime } from '../runtime.ts';
import { type TestWorld, openTestWorld, testTenant as tenant } from '../testing/runtime.ts';
import { type SimulatorDelivery, openSimulatorPhone } from './simulator-phone.ts';

let world: TestWorld;
let worker: Runtime;
let api: Runtime;

beforeAll(async () => {
  world = await openTestWorld();
  worker = world.runtime('prosa_worker');
  api = world.runtime('prosa_api');
});

afterAll(async () => {
  await world.close();
});

let kinds = 0;

const delivery = (deliveryId: string, given: Partial<SimulatorDelivery> = {}): SimulatorDelivery => ({
  tenant,
  instance: 'i_1',
  conversation: 'c_1',
  person: 'p_1',
  phone: '5511911112222@c.us',
  deliveryId,
  at: 1_700_000_000_000,
  content: { kind: 'text', text: `texto ${deliveryId}` },
  ...given,
});

const phones = () => ({
  sending: openSimulatorPhone(worker.database, worker.vault),
  reading: openSimulatorPhone(api.database, api.vault),
});

describe('a simulated phone', () => {
  test('shows what it received, in any spelling of its number, page by page', async () => {
    const { sending, reading } = phones();
    for (const id of ['a1', 'a2', 'a3']) await sending.deliver(delivery(id));
    const first = await reading.read({ tenant, phone: '+55 11 91111-2222', limit: 2 });
    expect(first.items).toEqual([
      { id: 'a1', at: '2023-11-14T22:13:20.000Z', type: 'text', text: 'texto a1' },
      { id: 'a2', at: '2023-11-14T22:13:20.000Z', type: 'text', text: 'texto a2' },
    ]);
    const second = await reading.read({ tenant, phone: '5511911112222', after: first.next, limit: 2 });
    expect(second.items.map(({ id }) => id)).toEqual(['a3']);
    const none = await reading.read({ tenant, phone: '5511911112222', after: second.next, limit: 2 });
    expect(none).toEqual({ items: [], next: second.next });
  });

  const media = { mimetype: 'application/pdf', filename: 'a.pdf' };
  const sections = [{ title: 'Manhã', rows: [{ id: '9', title: '9h', description: 'Dra. Ana' }] }];
  test.each<readonly [OutboundContent, object]>([
    [
      { kind: 'buttons', text: 'Vem?', buttons: [{ id: 'y', title: 'Sim' }] },
      { type: 'buttons', text: 'Vem?', buttons: [{ id: 'y', title: 'Sim' }] },
    ],
    [
      { kind: 'list', text: 'Quando?', button: 'Ver', sections },
      { type: 'list', text: 'Quando?', list: { button: 'Ver', sections } },
    ],
    [
      { kind: 'document', media: { ...media, url: 'https://a.example/a.pdf' }, caption: 'a conta' },
      { type: 'document', text: 'a conta', media: { ...media, url: 'https://a.example/a.pdf' } },
    ],
    [
      { kind: 'audio', media: { blob: 'f_1', mimetype: 'audio/ogg', voice: true } },
      { type: 'audio', text: '', media: { fileId: 'f_1', mimetype: 'audio/ogg', voice: true } },
    ],
    [
      { kind: 'location', latitude: 1.5, longitude: 2, name: 'Clínica' },
      { type: 'location', text: 'Clínica\n1.5, 2', location: { latitude: 1.5, longitude: 2, name: 'Clínica' } },
    ],
    [
      { kind: 'contacts', contacts: [{ name: 'Ana', phone: '5511988887777' }] },
      { type: 'contacts', text: 'Ana: 5511988887777', contacts: [{ name: 'Ana', phone: '5511988887777' }] },
    ],
    [
      { kind: 'template', name: 'lembrete', language: 'pt_BR', body: ['10h'], text: 'Às 10h' },
      { type: 'template', text: 'Às 10h', template: { name: 'lembrete', language: 'pt_BR' } },
    ],
    [
      { kind: 'reaction', target: 'm1', emoji: '👍' },
      { type: 'reaction', text: '👍', reaction: { messageId: 'm1', emoji: '👍' } },
    ],
    [
      { kind: 'text', text: 'sim', replyTo: { target: 'm1' }, typingMs: 10 },
      { type: 'text', text: 'sim', replyTo: 'm1' },
    ],
  ])('shows %j', async (content, shown) => {
    const { sending, reading } = phones();
    const phone = String(5_511_922_000_000 + kinds++);
    const id = `k${kinds}`;
    await sending.deliver(delivery(id, { phone, content }));
    const at = '2023-11-14T22:13:20.000Z';
    expect((await reading.read({ tenant, phone, limit: 2 })).items).toEqual([{ id, at, ...shown }]);
  });

  test('receives a delivery once, however often and from however many at once it is delivered', async () => {
    const { sending, reading } = phones();
    const twice = delivery('b1', { phone: '5511933334444' });
    await Promise.all([sending.deliver(twice), sending.deliver(twice), sending.deliver(twice)]);
    await sending.deliver(twice);
    expect((await reading.read({ tenant, phone: '5511933334444', limit: 10 })).items).toHaveLength(1);
  });

  test('shows one instance when asked for one', async () => {
    const { sending, reading } = phones();
    const phone = '5511955556666';
    await sending.deliver(delivery('c1', { phone, instance: 'i_1' }));
    await sending.deliver(delivery('c2', { phone, instance: 'i_2', conversation: 'c_2' }));
    expect((await reading.read({ tenant, phone, limit: 10 })).items.map(({ id }) => id)).toEqual(['c1', 'c2']);
    expect((await reading.read({ tenant, instance: 'i_2', phone, limit: 10 })).items.map(({ id }) => id)).toEqual([
      'c2',
    ]);
  });

  test('lets a reader who follows the cursor miss nothing while many write', async () => {
    const { sending, reading } = phones();
    const phone = '5511977778888';
    const ids = Array.from({ length: 40 }, (_, i) => `d${i}`);
    const writing = Promise.all(
      ids.map((id, i) => sending.deliver(delivery(id, { phone, instance: `i_${i % 4}`, conversation: `c_${i % 4}` }))),
    );
    const seen: string[] = [];
    let after = '0';
    for (let i = 0; i < 500 && seen.length < ids.length; i++) {
      const page = await reading.read({ tenant, phone, after, limit: 7 });
      seen.push(...page.items.map(({ id }) => id));
      after = page.next;
    }
    await writing;
    expect(seen.sort()).toEqual([...ids].sort());
  });

  test('shows that something was erased, and not what', async () => {
    const { sending } = phones();
    const phone = '5511999990000';
    await sending.deliver(delivery('e1', { phone, person: 'p_erased' }));
    await api.database.transaction([tenant], (sql) =>
      sql.query(`UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = 'p_erased'`),
    );
    const later = world.runtime('prosa_api');
    const reading = openSimulatorPhone(later.database, later.vault);
    expect((await reading.read({ tenant, phone, limit: 10 })).items).toMatchObject([{ type: 'erased', text: '' }]);
  });

  test('of one tenant is not seen by another', async () => {
    const { sending, reading } = phones();
    await sending.deliver(delivery('f1', { phone: '5511900001111' }));
    expect((await reading.read({ tenant: 'other', phone: '5511900001111', limit: 10 })).items).toEqual([]);
  });
});
