/**
 * Goal: what the routes of replays promise beyond their form. Method: the API with every service running
 * on the echo machine.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import type { MachineRelease } from '#runtime/actor/machines.ts';
import { type AnsweredStep, portsOfRecords, toldOf } from '#runtime/replays/told-steps.ts';
import { verdictsOf, whatIf } from '#runtime/replays/what-if.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { eventually } from '#runtime/testing/person.ts';

import { forgetting } from '../replay/testing/odd-machines.ts';
import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let conversation: string;
const secret = 'words that are nobody else’s business';

beforeAll(async () => {
  api = await openApiWorld({ find: forgetting('bye', 'forgetful') });
  await api.startServices();
  for (const text of ['one', secret, 'bye', 'two', 'three']) {
    const sent = await api.call(api.keys.admin, 'POST', '/v1/simulator/messages', { from: '5511999990001', text });
    conversation = String(sent.body['conversationId']);
  }
  await eventually(
    () => api.call(api.keys.admin, 'GET', `/v1/conversations/${conversation}/messages`),
    ({ text }) => text.includes('2:three'),
  );
  await eventually(
    () => api.call(api.keys.admin, 'GET', `/v1/conversations/${conversation}/timeline`),
    ({ body }) => (body['items'] as unknown[]).length >= 5,
  );
}, 60_000);
afterAll(() => api.close());

type Step = AnsweredStep & {
  readonly from: string;
  readonly to: string;
  readonly at: string;
  readonly changes?: readonly unknown[];
  readonly outputs: readonly { readonly type: string; readonly content?: unknown }[];
};

const steps = async (key: string, query = '') => {
  const answer = await api.call(key, 'GET', `/v1/conversations/${conversation}/replay?limit=200${query}`);
  return { answer, items: answer.body['items'] as readonly Step[] };
};
const received = ({ type }: Step): boolean => type === 'message.received';

describe('a conversation, step by step', () => {
  test('shows states, what changed in the context, and what came out', async () => {
    const { items } = await steps(api.keys.operator);
    const [first, second, third] = items.filter(received);
    expect(first).toMatchObject({ from: 'none', to: 'listening', content: { content: { text: 'one' } } });
    expect(first?.changes).toContainEqual({ path: 'count', after: 1 });
    expect(second?.changes).toEqual([{ path: 'count', before: 1, after: 2 }]);
    expect(second?.outputs).toContainEqual(
      expect.objectContaining({ type: 'reply.requested', content: { content: { kind: 'text', text: `2:${secret}` } } }),
    );
    expect(third).toMatchObject({ from: 'listening', to: 'gone' });
  });

  test('ends at an offset or a time, and goes on page by page', async () => {
    const { items } = await steps(api.keys.operator);
    const third = items[2];
    expect((await steps(api.keys.operator, `&to=${third?.offset}`)).items).toEqual(items.slice(0, 3));
    const until = items.filter(({ at }) => at <= (third?.at ?? ''));
    expect((await steps(api.keys.operator, `&at=${third?.at}`)).items).toEqual(until);
    const path = `/v1/conversations/${conversation}/replay?limit=2`;
    const page = await api.call(api.keys.operator, 'GET', path);
    const next = await api.call(api.keys.operator, 'GET', `${path}&cursor=${String(page.body['next'])}`);
    expect([...(page.body['items'] as Step[]), ...(next.body['items'] as Step[])]).toEqual(items.slice(0, 4));
  });

  test.each(['analyst', 'auditor'] as const)('shows no content to an %s', async (role) => {
    const { answer, items } = await steps(api.keys[role]);
    expect(items.filter(received)).toHaveLength(5);
    expect(answer.text).not.toContain('nobody else');
    expect(answer.text).not.toContain('"changes"');
    expect(answer.text).not.toContain('"content"');
  });

  test('is enough to try a machine on it that the program does not have', async () => {
    const { answer, items } = await steps(api.keys.operator);
    const echo = findEcho('conversation', 'echo');
    if (echo === undefined) throw new Error('no echo machine');
    const machine: MachineRelease = {
      ...echo,
      version: 'from-a-file',
      machine: echo.machine.provide({ guards: { says: () => false } }),
    };
    const records = items.map(toldOf);
    const ports = portsOfRecords(records, findEcho, answer.body['configurations'] as Record<string, unknown>);
    const seen = await whatIf(records, ports, machine);
    expect(verdictsOf(seen)).toEqual(['different-replies', 'state-unreachable']);
    expect(seen.unreached).toEqual(['gone']);
    expect(seen.differences[0]).toMatchObject({ recorded: [{ content: { text: 'bye' } }] });
    expect(verdictsOf(await whatIf(records, ports, { ...echo, version: 'the-same' }))).toEqual(['same-replies']);
  });
});

describe('a history', () => {
  test('is exported, audited, and not for those who see no personal data', async () => {
    const path = `/v1/conversations/${conversation}/history`;
    const { body } = await api.call(api.keys.operator, 'GET', path);
    expect(body['items']).toMatchObject([{ machine: 'conversation', machineVersion: 'echo', episodes: 2 }]);
    for (const role of ['analyst', 'auditor', 'ingest'] as const)
      expect((await api.call(api.keys[role], 'GET', path)).status).toBe(403);
    const audit = await eventually(
      () => api.call(api.keys.auditor, 'GET', `/v1/audit?conversation=${conversation}&type=access.history`),
      (answer) => (answer.body['items'] as unknown[]).length > 0,
    );
    expect(audit.body['items']).toHaveLength(1);
  });
});

describe('asking for a replay', () => {
  const at = { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' };
  const asked = {
    verify: { kind: 'verify' },
    rebuild: { kind: 'rebuild', repair: true },
    'what-if': { kind: 'what-if', machine: { name: 'conversation', version: 'echo' } },
    'events again': { kind: 're-emit', records: 'events', topic: 'out', ...at },
    'audit again': { kind: 're-emit', records: 'audit', topic: 'out', ...at },
  } as const;
  const may: Readonly<Record<keyof typeof asked, readonly string[]>> = {
    verify: ['admin', 'operator', 'analyst', 'auditor'],
    rebuild: ['admin', 'operator'],
    'what-if': ['admin', 'operator', 'analyst'],
    'events again': ['admin'],
    'audit again': ['admin', 'analyst', 'auditor'],
  };

  test.each(Object.keys(asked) as (keyof typeof asked)[])('%s is for some roles', async (name) => {
    for (const role of ['admin', 'operator', 'analyst', 'auditor', 'ingest'] as const) {
      const { status } = await api.call(api.keys[role], 'POST', '/v1/replays', asked[name]);
      expect([role, status]).toEqual([role, may[name].includes(role) ? 202 : 403]);
    }
  });

  test.each([
    ['a machine that is not there', { kind: 'what-if', machine: { name: 'conversation', version: '99' } }, 422],
    ['a topic of the system', { ...asked['audit again'], topic: topics.events }, 400],
    ['a topic with an underscore', { ...asked['audit again'], topic: 'a_b' }, 400],
    ['a range that ends before it begins', { ...asked['audit again'], from: at.to, to: at.from }, 400],
    ['a partition that is not there', { kind: 'verify', partition: 1_000 }, 400],
    ['a conversation that is not there', { kind: 'verify', conversationId: 'c_none' }, 404],
    ['a kind that is none', { kind: 'resend' }, 400],
  ])('for %s is refused', async (_, body, status) => {
    expect((await api.call(api.keys.admin, 'POST', '/v1/replays', body)).status).toBe(status);
  });

  test('names the topic within those of the tenant', async () => {
    const { body } = await api.call(api.keys.admin, 'POST', '/v1/replays', asked['audit again']);
    expect(body['topic']).toBe('analysts.demo.out');
  });

  test('one that waits can be given up, again and again', async () => {
    const { body } = await api.call(api.keys.admin, 'POST', '/v1/replays', { kind: 'verify', recordsPerSecond: 1 });
    const path = `/v1/replays/${String(body['id'])}`;
    for (let i = 0; i < 2; i++) expect((await api.call(api.keys.admin, 'DELETE', path)).status).toBe(202);
    await eventually(
      () => api.call(api.keys.admin, 'GET', path),
      (answer) => answer.body['status'] === 'cancelled',
    );
  });
});

describe('a what-if', () => {
  test('says to everybody how it differs, and what was said only to those who may see it, audited', async () => {
    const { body } = await api.call(api.keys.admin, 'POST', '/v1/replays', {
      kind: 'what-if',
      machine: { name: 'conversation', version: 'forgetful' },
      conversationId: conversation,
      recordsPerSecond: 10_000,
    });
    const path = `/v1/replays/${String(body['id'])}`;
    const over = await eventually(
      () => api.call(api.keys.analyst, 'GET', path),
      (answer) => answer.body['status'] === 'done',
      30_000,
    );
    expect(over.body).toMatchObject({
      differs: true,
      verdicts: { 'different-replies': 1, 'state-unreachable': 1 },
      done: 1,
    });
    const plain = await api.call(api.keys.analyst, 'GET', `${path}/findings`);
    const item = {
      conversationId: conversation,
      verdict: 'different-replies',
      unreached: ['gone'],
      replies: { same: 2, different: 3 },
    };
    expect(plain.body['items']).toMatchObject([item]);
    expect(plain.text).not.toContain('differences');
    const whole = await api.call(api.keys.operator, 'GET', `${path}/findings`);
    const [bye] = (whole.body['items'] as { readonly differences: readonly unknown[] }[])[0]?.differences ?? [];
    expect(bye).toMatchObject({ recorded: [{ content: { text: 'bye' } }], folded: [{ content: { text: '3:bye' } }] });
    await eventually(
      () => api.call(api.keys.auditor, 'GET', `/v1/audit?conversation=${conversation}&type=access.replay`),
      (answer) => (answer.body['items'] as unknown[]).length === 1,
    );
    expect((await api.call(api.otherKey, 'GET', `${path}/findings`)).status).toBe(404);
  });
});
