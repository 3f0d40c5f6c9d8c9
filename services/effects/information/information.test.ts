// Goal: what a tenant tells of its event is read from where its settings say, and from nowhere else. Method: a server of
// this test on loopback, trusted or not, and folders of its own.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { AgentSettings, InformationSettings } from '#machines/conversation/agent-settings.ts';
import type { Section } from '#machines/conversation/asks.ts';
import { readConfig } from '#runtime/config.ts';
import { openOutside } from '#runtime/net/adapters/undici-outside.ts';
import { type FakeServer, startFakeServer } from '#runtime/testing/fake-server.ts';
import type { Tenants } from '#runtime/tenants/tenants.ts';

import { EffectFailure } from '../handler.ts';
import type { OpenHandlers } from '../handlers.ts';
import { openInformation } from './handlers.ts';

const sections = [
  { id: 'place', title: { 'pt-BR': 'Local', en: 'Place' }, text: { 'pt-BR': 'Rua das Flores', en: 'Flower Street' } },
  { id: 'price', title: 'Preço', text: 'R$ 100' },
];

let folder: string;
let server: FakeServer;
let opened: OpenHandlers;
let clock = 0;
let answer: { status: number; body: string; etag?: string };
let requests: IncomingHttpHeaders[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosa-test-information-'));
  await mkdir(join(folder, 'demo'));
  await mkdir(join(folder, 'other'));
  await writeFile(join(folder, 'demo', 'event.json'), JSON.stringify({ sections }));
  await writeFile(join(folder, 'other', 'event.json'), JSON.stringify({ sections }));
  await symlink(join(folder, 'other', 'event.json'), join(folder, 'demo', 'link.json'));
  server = await startFakeServer({}, async (request, response) => {
    requests.push(request.headers);
    const { status, body, etag } = answer;
    const isKnown = etag !== undefined && request.headers['if-none-match'] === etag;
    response.writeHead(isKnown ? 304 : status, etag === undefined ? {} : { etag }).end(isKnown ? '' : body);
    await Promise.resolve();
  });
});
beforeEach(() => {
  clock += 10 * 86_400_000;
  answer = { status: 200, body: JSON.stringify({ sections }) };
  requests = [];
  opened = open({ PROSA_TRUSTED_ORIGINS: server.url, PROSA_INFORMATION_DIR: folder });
});
afterEach(() => opened.close());
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

let event: InformationSettings | undefined;
function open(environment: Record<string, string>): OpenHandlers {
  const configuration = () => {
    const settings: AgentSettings = event === undefined ? {} : { event };
    return Promise.resolve({
      machines: { conversation: { version: '1', settings: { ...settings } } },
      answerGroups: false,
    });
  };
  const tenants = { configuration } as Pick<Tenants, 'configuration'> as Tenants;
  return openInformation({ config: readConfig(environment), tenants, now: () => clock }, openOutside());
}

/** Sections as "title: text", or the code of the failure. */
async function read(told: InformationSettings | undefined, locale = 'pt-BR', tenant = 'demo'): Promise<string> {
  event = told;
  const call = {
    tenant,
    actor: 'c_1',
    effectId: 'f_1',
    revision: 'r',
    attempt: 1,
    signal: new AbortController().signal,
  };
  try {
    const output = await opened.handlers.get('information.read')?.run({ ...call, input: { locale } });
    const { sections: all } = output as { readonly sections: readonly Section[] };
    return all.map(({ title, text }) => `${title}: ${text}`).join(', ');
  } catch (caught) {
    if (caught instanceof EffectFailure) return caught.code;
    throw caught;
  }
}

describe('sections of the settings', () => {
  test.each([
    ['pt-BR', 'Local: Rua das Flores, Preço: R$ 100'],
    ['pt-PT', 'Local: Rua das Flores, Preço: R$ 100'],
    ['en', 'Place: Flower Street, Preço: R$ 100'],
    ['es', 'Local: Rua das Flores, Preço: R$ 100'],
  ])('are told in %s', async (locale, told) => {
    expect(await read({ sections }, locale)).toBe(told);
  });

  test('are as many as fit', async () => {
    const long = Array.from({ length: 60 }, (_, i) => ({
      id: `s${i.toString()}`,
      title: 't',
      text: 'x'.repeat(2_999),
    }));
    expect((await read({ sections: long })).length).toBeLessThan(42_000);
  });

  test('that nobody has set are none', async () => {
    expect(await read(undefined)).toBe('information.not-configured');
  });
});

describe('an address', () => {
  const source = () => ({ source: `${server.url}/event.json` });

  test('is asked now and then, and again only for what is new', async () => {
    answer = { ...answer, etag: '"1"' };
    expect(await read(source())).toContain('Rua das Flores');
    expect(await read(source())).toContain('Rua das Flores');
    expect(requests).toHaveLength(1);
    clock += 300_000;
    expect(await read(source())).toContain('Rua das Flores');
    expect(requests.map((headers) => headers['if-none-match'])).toEqual([undefined, '"1"']);
    clock += 300_000;
    answer = {
      status: 200,
      etag: '"2"',
      body: JSON.stringify({ sections: [{ id: 'a', title: 'Novo', text: 'novo' }] }),
    };
    expect(await read(source())).toBe('Novo: novo');
  });

  test('that does not answer leaves what it said, for a day', async () => {
    await read(source());
    answer = { status: 500, body: '' };
    clock += 86_000_000;
    expect(await read(source())).toContain('Rua das Flores');
    clock += 400_000;
    expect(await read(source())).toBe('information.unavailable');
  });

  test.each([
    ['no JSON', '<html>'],
    ['another form', '{"sections": "x"}'],
    ['an id twice', JSON.stringify({ sections: [sections[1], sections[1]] })],
    [
      'too many',
      JSON.stringify({ sections: Array.from({ length: 41 }, (_, i) => ({ ...sections[1], id: `s${i.toString()}` })) }),
    ],
    ['too much', `{"sections": [], "more": "${'x'.repeat(600 * 1_024)}"}`],
  ])('that gives %s is refused', async (_, body) => {
    answer = { status: 200, body };
    expect(await read(source())).toBe('information.invalid');
  });

  test.each([
    'https://127.0.0.1/event.json',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/event.json',
    'https://2130706433/event.json',
    'https://10.0.0.1:8443/event.json',
    'https://user:password@example.com/event.json',
    'https://example.com:22/event.json',
    'http://example.com/event.json',
    'ftp://example.com/event.json',
    'file:///etc/passwd',
    'data:application/json,{}',
  ])('%s is not called', async (address) => {
    expect(await read({ source: address })).toBe('information.address-refused');
  });

  test('of our own machine is called only when our configuration trusts it', async () => {
    await opened.close();
    opened = open({});
    expect(await read(source())).toBe('information.address-refused');
    expect(await read({ source: source().source.replace('http:', 'https:') })).toBe('information.address-refused');
    expect(requests).toHaveLength(0);
  });
});

describe('a file', () => {
  test('is read from the folder of the tenant', async () => {
    expect(await read({ source: 'event.json' })).toContain('Rua das Flores');
    expect(await read({ source: 'none.json' })).toBe('information.unavailable');
  });

  test.each(['../other/event.json', 'link.json', '../../../../../../etc/passwd', '.', '..'])(
    '%s is not',
    async (path) => {
      expect(await read({ source: path })).toMatch(/information\.(?:address-refused|unavailable)/);
    },
  );

  test('needs a folder', async () => {
    await opened.close();
    opened = open({});
    expect(await read({ source: 'event.json' })).toBe('information.not-configured');
  });
});
