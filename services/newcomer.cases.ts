/**
 * What a newcomer does, as cases for any way of running the program: write, be answered, stop, start
 * again, go on. The program is a process, spoken to over HTTP.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startFakeWaha, signWahaWebhook, type FakeWaha } from '#runtime/testing/fake-waha.ts';
import { eventually } from '#runtime/testing/person.ts';

import type { Program } from './testing/program.ts';

const phone = '5511999990001';

/** Registers the cases. `start` starts the program, sending to the given WAHA. */
export function newcomerCases(start: (environment: Readonly<Record<string, string>>) => Promise<Program>): void {
  let waha: FakeWaha;
  let program: Program;

  beforeAll(async () => {
    waha = await startFakeWaha();
    program = await start({ WAHA_BASE_URL: waha.url });
  });

  afterAll(async () => {
    await program.close();
    await waha.close();
  });

  const texts = async () => (await program.phone(phone)).map(({ text }) => text);

  describe('a person with a simulated phone', () => {
    test('writes and is asked for consent, then for the name, then shown the menu', async () => {
      await program.says(phone, 'Oi');
      await eventually(texts, (received) => received.length === 1);
      await program.says(phone, 'sim');
      await eventually(texts, (received) => received.length === 2);
      const { conversationId } = await program.says(phone, 'Maria da Silva');
      const received = await eventually(texts, (all) => all.length === 3);
      expect(received[0]).toMatch(/LGPD/);
      expect(received[2]).toMatch(/Maria/);
      const { status, body } = await program.api('GET', `/v1/conversations/${conversationId}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        id: conversationId,
        machine: 'conversation',
        state: { value: { assisting: { talking: 'menu' } } },
        status: 'active',
        episode: 1,
      });
    });

    test('leaves an audit trail without a word of what was said', async () => {
      const readAudit = async () =>
        (await program.api('GET', '/v1/audit?type=consent.given')).body as { items: unknown[] };
      const audit = await eventually(readAudit, ({ items }) => items.length > 0);
      expect(audit.items).toHaveLength(1);
      expect(JSON.stringify(audit)).not.toMatch(/Maria|99999/);
    });

    test('has a timeline with every record, and the state before each', async () => {
      const list = await program.api('GET', '/v1/conversations');
      const id = (list.body as { items: { id: string }[] }).items[0]?.id ?? '';
      const readMessages = async () => {
        const timeline = (await program.api('GET', `/v1/conversations/${id}/timeline`)).body as {
          items: { offset: number; type: string; from: unknown; to: unknown }[];
        };
        return timeline.items.filter(({ type }) => type === 'message.received');
      };
      // Projected a moment after what it tells happened.
      const messages = await eventually(readMessages, (read) => read.length === 3);
      expect(messages.map(({ to }) => to)).toEqual(['consent', 'name', 'assisting.talking.menu']);
      for (const { offset, from } of messages.slice(1)) {
        const state = await program.api('GET', `/v1/conversations/${id}/state?offset=${offset}`);
        expect(state.body).toMatchObject({ state: { value: from } });
      }
    });
  });

  test('a signed WAHA webhook is answered through POST /api/sendText', async () => {
    const { webhook, secret } = program.instance('waha');
    const body = JSON.stringify({
      id: 'evt_01',
      event: 'message',
      session: 'default',
      engine: 'NOWEB',
      timestamp: Date.now(),
      payload: {
        id: 'false_5511988887777@c.us_3EB0AAAAAAAAAAAAAAAAAA',
        timestamp: Math.floor(Date.now() / 1000),
        from: '5511988887777@c.us',
        fromMe: false,
        body: 'Olá',
        hasMedia: false,
      },
    });
    const response = await fetch(`${program.ready.url}${webhook}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signWahaWebhook(body, secret ?? '') },
      body,
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ accepted: 1, duplicates: 0, ignored: 0 });
    const sent = () => Promise.resolve(waha.messages.filter(({ chatId }) => chatId === '5511988887777@c.us'));
    const [message] = await eventually(sent, (messages) => messages.length === 1);
    expect(message?.text).toMatch(/LGPD/);
  });

  test('a stop drains and exits 0, and the next start goes on where it was', async () => {
    const before = (await texts()).length;
    const since = Date.now();
    expect(await program.end('SIGTERM')).toBe(0);
    expect(Date.now() - since).toBeLessThan(10_000);
    const { apiKey, instances } = program.ready;
    await program.start();
    expect(program.ready).toMatchObject({ apiKey, instances });
    await program.says(phone, 'meus dados');
    const received = await eventually(texts, (all) => all.length === before + 1);
    expect(received.at(-1)).toMatch(/Maria da Silva/);
  }, 150_000);
}
