// Templates as Meta has them, through its pages, into what sends and what callers need to know of them.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { Instance } from '../instances/instances.ts';
import type { Runtime } from '../runtime.ts';
import { type FakeCloud, startFakeCloud } from '../testing/fake-cloud.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import { TemplatesUnavailable, readTemplates } from './adapters/graph-templates.ts';
import { type Templates, openTemplates } from './templates.ts';

const account = '102290129340398';
const token = 'an invented access token';

const metaTemplateOf = (name: string, extra: object = {}) => ({
  id: `id-${name}`,
  name,
  language: 'pt_BR',
  category: 'UTILITY',
  status: 'APPROVED',
  components: [{ type: 'BODY', text: 'Olá' }],
  ...extra,
});

let world: TestWorld;
let api: Runtime;
let templates: Templates;
let graph: FakeCloud;
let instance: Instance;

beforeAll(async () => {
  world = await openTestWorld();
  api = world.runtime('prosa_api');
  await api.tenants.create('other', 'Other');
  templates = openTemplates(api.database);
  graph = await startFakeCloud({ token });
  instance = {
    id: 'i_cloud',
    tenant: testTenant,
    line: 'l_cloud',
    provider: 'cloud',
    name: 'cloud',
    settings: { baseUrl: `${graph.url}/`, phoneNumberId: '1', businessAccountId: account },
    credentials: { webhookToken: 't', apiKey: token },
  };
});
afterAll(async () => {
  await graph.close();
  await world.close();
});
afterEach(() => templates.replace(testTenant, account, [], Date.now()));

const sync = async (at: number) => templates.replace(testTenant, account, await readTemplates(instance, account), at);
const names = async (tenant = testTenant) => (await templates.list(tenant, undefined, 100)).map(({ name }) => name);

describe('a synchronisation', () => {
  test('reads every page, by cursor, and replaces what was known', async () => {
    graph.setTemplates(['a', 'b', 'c', 'd', 'e'].map((name) => metaTemplateOf(name)));
    expect(await sync(1)).toEqual({ templates: 5, removed: 0 });
    expect(await names()).toEqual(['a', 'b', 'c', 'd', 'e']);
    graph.setTemplates([metaTemplateOf('b', { status: 'PAUSED' }), metaTemplateOf('f')]);
    expect(await sync(2)).toEqual({ templates: 2, removed: 4 });
    expect(await names()).toEqual(['b', 'f']);
    expect(await templates.find(testTenant, 'b', 'pt_BR')).toMatchObject({ status: 'PAUSED' });
    // Meta's address of the next page is not followed.
    expect(graph.requests.every(({ path }) => path.startsWith(`/v26.0/${account}/message_templates?`))).toBe(true);
  });

  test('leaves other accounts and other tenants alone', async () => {
    const [one] = [metaTemplateOf('one')];
    await templates.replace(testTenant, '2', [one], 1);
    await templates.replace('other', account, [one], 1);
    graph.setTemplates([]);
    expect(await sync(2)).toEqual({ templates: 0, removed: 0 });
    expect([await names(), await names('other')]).toEqual([['one'], ['one']]);
    await templates.replace(testTenant, '2', [], 3);
  });

  test.each([
    ['Meta refuses the token', { kind: 'error', code: 190, status: 401 }, 'provider.unauthorized'],
    ['Meta throttles', { kind: 'error', code: 80_008 }, 'provider.graph-80008'],
    ['something before Meta is away', { kind: 'gateway', status: 502 }, 'provider.failed'],
  ] as const)('that fails because %s says so and changes nothing', async (_, fault, code) => {
    graph.setTemplates([metaTemplateOf('a')]);
    await sync(1);
    graph.fault({ ...fault, on: 'templates' });
    const failure = await sync(2).catch((caught: unknown) => caught);
    expect(failure).toBeInstanceOf(TemplatesUnavailable);
    expect(failure).toMatchObject({ code, message: expect.not.stringContaining(token) as string });
    expect(await names()).toEqual(['a']);
  });

  test('passes over what is no template', async () => {
    const odd = { ...metaTemplateOf('odd'), language: 7 };
    graph.setTemplates([odd, metaTemplateOf('a')]);
    expect(await sync(1)).toEqual({ templates: 1, removed: 0 });
  });
});

describe('a template', () => {
  test('tells its words and variables', async () => {
    graph.setTemplates([
      metaTemplateOf('full', {
        components: [
          { type: 'HEADER', format: 'TEXT', text: 'Olá {{name}}' },
          { type: 'BODY', text: '{{2}}, {{1}} e {{2}} de novo, {{10}}' },
          { type: 'FOOTER', text: 'Clínica' },
          {
            type: 'BUTTONS',
            buttons: [
              { type: 'QUICK_REPLY', text: 'Sim' },
              { type: 'URL', text: 'Ver', url: 'https://example.com/{{1}}' },
              { type: 'URL', text: 'Site', url: 'https://example.com' },
              { type: 'COPY_CODE', text: 'Copiar' },
            ],
          },
        ],
      }),
      metaTemplateOf('picture', {
        components: [
          { type: 'HEADER', format: 'IMAGE' },
          { type: 'BODY', text: 'Veja' },
        ],
      }),
      metaTemplateOf('odd', {
        components: [
          { type: 'BUTTONS', buttons: 'none' },
          { type: 'HOLOGRAM', x: [1] },
        ],
      }),
    ]);
    await sync(1);
    expect(await templates.find(testTenant, 'full', 'pt_BR')).toMatchObject({
      header: { format: 'TEXT', text: 'Olá {{name}}', variables: ['name'] },
      body: { variables: ['1', '2', '10'] },
      footer: 'Clínica',
      buttons: [
        { index: 0, type: 'QUICK_REPLY', variables: 0 },
        { index: 1, type: 'URL', variables: 1 },
        { index: 2, type: 'URL', variables: 0 },
        { index: 3, type: 'COPY_CODE', variables: 1 },
      ],
    });
    expect(await templates.find(testTenant, 'picture', 'pt_BR')).toMatchObject({
      header: { format: 'IMAGE', variables: [] },
      buttons: [],
    });
    expect(await templates.find(testTenant, 'odd', 'pt_BR')).toMatchObject({
      header: undefined,
      body: { text: '', variables: [] },
      buttons: [],
    });
  });

  test('that two accounts have is the approved one; another language is another', async () => {
    await templates.replace(testTenant, '2', [metaTemplateOf('twice', { id: 'good' })], 1);
    graph.setTemplates([metaTemplateOf('twice', { status: 'REJECTED' })]);
    await sync(1);
    expect(await templates.find(testTenant, 'twice', 'pt_BR')).toMatchObject({ id: 'good', status: 'APPROVED' });
    expect(await templates.find(testTenant, 'twice', 'en')).toBeUndefined();
    expect(await templates.find('other', 'twice', 'pt_BR')).toBeUndefined();
    await templates.replace(testTenant, '2', [], 2);
  });

  test('is listed page by page', async () => {
    graph.setTemplates(['a', 'b', 'c'].map((name) => metaTemplateOf(name)));
    await sync(1);
    const first = await templates.list(testTenant, undefined, 2);
    const last = first.at(-1);
    if (last === undefined) throw new Error('nothing was listed');
    const rest = await templates.list(testTenant, [last.name, last.language, last.businessAccountId], 2);
    expect([...first, ...rest].map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  test('is read by the sender', async () => {
    const worker = world.runtime('prosa_worker');
    graph.setTemplates([metaTemplateOf('a')]);
    await sync(1);
    expect(await openTemplates(worker.database).find(testTenant, 'a', 'pt_BR')).toMatchObject({ name: 'a' });
  });
});
