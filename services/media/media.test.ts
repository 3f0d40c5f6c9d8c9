// Goal: M1 to M5. Method: the service on real Postgres; providers are servers of this test on loopback, which an instance
// names as its own or which a fake resolver calls public; what comes out are records and files.
import { createHash, randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { openBlobs } from '#runtime/blobs/postgres-blobs.ts';
import { openFiles } from '#runtime/blobs/postgres-files.ts';
import type { Instance, InstanceSettings, Provider } from '#runtime/instances/instances.ts';
import { openOutside } from '#runtime/net/adapters/undici-outside.ts';
import { derivedId } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { Person, eventually, readRecords } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import type { MediaReference, SealedMedia } from '#schemas/content.ts';
import type { MediaFailed, MediaStored } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { readFileStates } from '../api/history.ts';
import { startConversation } from '../conversation/conversation.ts';
import { startProjection } from '../projection/projection.ts';
import { leaseMs } from './limits.ts';
import { startMedia } from './media.ts';

const photo = Buffer.concat([Buffer.from('\xff\xd8\xff\xe0', 'latin1'), randomBytes(150_000)]);
const sha256 = createHash('sha256').update(photo).digest();

let world: TestWorld;
let runtime: Runtime;
let ingest: Runtime;
let api: Runtime;
let worker: Runtime;
let person: Person;
let service: RunningService | undefined;
let clock: number;
let server: Server;
let origin: string;
/** What the server does; requests that it got. */
let serve: (request: IncomingMessage, response: ServerResponse, body: string) => void;
const seen: { readonly path: string; readonly headers: IncomingMessage['headers']; readonly body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ path: request.url ?? '', headers: request.headers, body });
      serve(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  clock = Date.UTC(2026, 10, 21);
  world = await openTestWorld({ now: () => clock });
  // For all tests: each has connections of its own, and the server does not have that many.
  ingest = world.runtime('prosa_ingest');
  api = world.runtime('prosa_api');
  worker = world.runtime('prosa_worker', 'media');
});
afterAll(async () => {
  server.close();
  await world.close();
});

let people = 0;
beforeEach(async () => {
  // Long after whatever the test before has left.
  clock += 30 * 24 * 3_600_000;
  runtime = worker;
  person = await Person.meet(world, ingest, `551199999${(people += 1) + 1_000}`);
  seen.length = 0;
  serve = (_, response) => response.end(photo);
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  await asOwner(world.databaseUrl, 'TRUNCATE media_fetches');
});

/** What names mean here: `files.example` is the server of this test, and public. */
const startService = async (): Promise<void> => {
  const { port } = new URL(origin);
  const outside = openOutside({
    ports: [Number(port)],
    isPublic: (address) => address === '127.0.0.1',
    resolve: (name) => Promise.resolve(name === 'files.example' ? [{ address: '127.0.0.1', family: 4 }] : []),
  });
  service = await startMedia(runtime, { outside, pollMs: 20, stopGraceMs: 200 });
};
const publicUrl = (path: string): string => `http://files.example:${new URL(origin).port}${path}`;

const instanceOf = (provider: Provider, settings: InstanceSettings): Promise<Instance> =>
  api.instances.create(
    { tenant: testTenant, provider, name: `${provider}-${Math.random()}`, settings, apiKey: 'the-key' },
    clock,
  );

/** A message with a file, as ingest records it; returns its event id. */
async function sends(
  media: MediaReference,
  more: {
    readonly instance?: Instance;
    readonly kind?: string;
    readonly raw?: unknown;
    readonly echoed?: string;
    readonly blob?: boolean;
  } = {},
): Promise<string> {
  const { instance = world.instance, kind = 'image', raw = {}, echoed } = more;
  const rawBlob =
    more.blob === true
      ? await openBlobs(ingest.database, runtime.vault).put(
          { tenant: testTenant, actor: person.entry.conversation },
          person.entry.person,
          clock,
          JSON.stringify(raw),
        )
      : undefined;
  const position = await person.tell(
    {
      type: echoed === undefined ? 'message.received' : 'message.echoed',
      instance: instance.id,
      kind,
      group: false,
      ...(echoed === undefined ? {} : { source: echoed }),
    },
    {
      messageId: 'M1',
      stableId: 'M1',
      chat: 'x',
      sender: { address: 'x' },
      content: { kind, media },
      ...(rawBlob === undefined ? { raw: JSON.stringify(raw) } : { raw: '', rawBlob }),
    },
  );
  const records = await readRecords(world, topics.events, person.entry.conversation);
  expect(position.offset).toBeGreaterThanOrEqual(0);
  return records.findLast(({ type }) => type.startsWith('message.'))?.eventId ?? '';
}

type Result = MediaStored | MediaFailed;
const results = async (): Promise<readonly Result[]> =>
  (await readRecords(world, topics.events, person.entry.conversation)).filter(
    (record): record is Result => record.type === 'media.stored' || record.type === 'media.failed',
  );
const result = async (): Promise<Result> => {
  const [only] = await eventually(results, (all) => all.length > 0);
  if (only === undefined) throw new Error('nothing came of it');
  return only;
};
const reason = async (): Promise<string> => {
  const only = await result();
  return only.type === 'media.failed' ? only.reason : 'stored';
};
const queued = async () =>
  (
    await runtime.database.query<{ attempts: number; due_at: Date }>(
      [testTenant],
      'SELECT attempts, due_at FROM media_fetches',
    )
  ).rows;

const filesKept = async (): Promise<number> =>
  (
    await runtime.database.query([testTenant], 'SELECT FROM files WHERE tenant = $1 AND actor = $2', [
      testTenant,
      person.entry.conversation,
    ])
  ).rowCount;

async function contentOf(fileId: string): Promise<Buffer> {
  const file = await openFiles(runtime).read(testTenant, fileId);
  if (file?.state !== 'open') throw new Error('no such file');
  const chunks: Buffer[] = [];
  for await (const chunk of file.content as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The file is kept, whole, and the record says so. */
async function expectPhoto(eventId: string): Promise<void> {
  const stored = await result();
  if (stored.type !== 'media.stored') throw new Error(stored.reason);
  expect(stored).toMatchObject({
    causationId: eventId,
    messageEventId: eventId,
    kind: 'image',
    mimetype: 'image/jpeg',
    bytes: photo.length,
    revision: world.revision,
  });
  expect((await contentOf(stored.fileId)).equals(photo)).toBe(true);
  const sealed = await runtime.vault.open<SealedMedia>(stored, stored.sealed ?? Buffer.alloc(0));
  expect(sealed).toMatchObject({ state: 'open', value: { sha256: sha256.toString('hex') } });
  await eventually(queued, (rows) => rows.length === 0);
}

describe('every provider', () => {
  test('simulator: any public address, and data inside of it', async () => {
    await startService();
    await expectPhoto(await sends({ url: publicUrl('/a.jpg'), filename: 'férias.jpg' }));
    expect(seen[0]?.headers).not.toHaveProperty('x-api-key');
  });

  test('simulator: a data URL', async () => {
    await startService();
    const small = Buffer.concat([photo.subarray(0, 4), Buffer.from('small')]);
    await sends({ url: `data:image/jpeg;base64,${small.toString('base64')}` });
    const stored = await result();
    expect(stored).toMatchObject({ type: 'media.stored', bytes: small.length });
    expect(seen).toEqual([]);
  });

  test('WAHA: from our own idea of where it is, with its key', async () => {
    await startService();
    const waha = await instanceOf('waha', { baseUrl: `${origin}/waha/` });
    await expectPhoto(await sends({ url: 'http://localhost:3000/api/files/default/a.jpg?x=1' }, { instance: waha }));
    expect(seen.map(({ path, headers }) => [path, headers['x-api-key']])).toEqual([
      ['/waha/api/files/default/a.jpg?x=1', 'the-key'],
    ]);
  });

  test('WAHA: elsewhere as anybody would, without its key', async () => {
    await startService();
    const waha = await instanceOf('waha', { baseUrl: 'http://10.0.0.1:3000' });
    await expectPhoto(await sends({ url: publicUrl('/bucket/a.jpg') }, { instance: waha }));
    expect(seen[0]?.headers).not.toHaveProperty('x-api-key');
  });

  test('Cloud: by id, with the token at both steps, and its hash compared', async () => {
    await startService();
    const cloud = await instanceOf('cloud', { baseUrl: origin, phoneNumberId: '1' });
    serve = (request, response) => {
      if (request.url?.includes('/file') === true) response.end(photo);
      else
        response.end(
          JSON.stringify({
            url: `${origin}/file?mid=1`,
            sha256: sha256.toString('hex'),
            file_size: photo.length,
            id: '77',
          }),
        );
    };
    await expectPhoto(await sends({ id: '77', sha256: sha256.toString('base64') }, { instance: cloud }));
    expect(seen.map(({ path, headers }) => [path.replace(/v\d+\.\d/, 'v'), headers.authorization])).toEqual([
      ['/v/77', 'Bearer the-key'],
      ['/file?mid=1', 'Bearer the-key'],
    ]);
  });

  test.each([
    'http://169.254.169.254/x',
    'http://127.0.0.1:1/x',
    'http://files.example/x',
    'https://evil-facebook.com/x',
  ])('Cloud: nothing but Meta is told the token: %s', async (url) => {
    await startService();
    const cloud = await instanceOf('cloud', { baseUrl: origin, phoneNumberId: '1' });
    serve = (_, response) => response.end(JSON.stringify({ url }));
    await sends({ id: '77' }, { instance: cloud });
    expect(await reason()).toBe('host.not-allowed');
    expect(seen).toHaveLength(1);
  });

  test('Evolution: base64 inside the body, also when the body lies apart', async () => {
    await startService();
    const evolution = await instanceOf('evolution', { baseUrl: origin, session: 'a b' });
    const raw = { data: { key: { id: 'M1' }, message: { base64: photo.toString('base64') } } };
    await expectPhoto(await sends({}, { instance: evolution, raw, blob: true }));
    expect(seen).toEqual([]);
  });

  test('Evolution: base64 from its API', async () => {
    await startService();
    const evolution = await instanceOf('evolution', { baseUrl: origin, session: 'a b' });
    serve = (_, response) => response.end(JSON.stringify({ base64: photo.toString('base64') }));
    const raw = { data: { key: { id: 'M1' } } };
    await expectPhoto(await sends({ url: 'https://mmg.whatsapp.net/sealed.enc' }, { instance: evolution, raw }));
    expect(seen.map(({ path, headers, body }) => [path, headers['apikey'], JSON.parse(body) as unknown])).toEqual([
      ['/chat/getBase64FromMediaMessage/a%20b', 'the-key', { message: { key: { id: 'M1' } }, convertToMp4: false }],
    ]);
  });
});

test('what a person wrote on our phone has its file fetched, what the API sent has not', async () => {
  await startService();
  await sends({ url: publicUrl('/api.jpg') }, { echoed: 'api' });
  await expectPhoto(await sends({ url: publicUrl('/app.jpg') }, { echoed: 'app' }));
  expect(seen.map(({ path }) => path)).toEqual(['/app.jpg']);
});

test('M1 a file that hangs holds up nobody', async () => {
  await startService();
  serve = (request, response) => {
    if (request.url === '/fast.jpg') response.end(photo);
  };
  await sends({ url: publicUrl('/hangs.jpg') });
  const fast = await sends({ url: publicUrl('/fast.jpg') });
  expect(await result()).toMatchObject({ type: 'media.stored', messageEventId: fast });
  server.closeAllConnections();
});

test('M2 the same message read again, and the same file fetched again, come to the same record and file', async () => {
  await startService();
  const eventId = await sends({ url: publicUrl('/a.jpg') });
  const first = await result();
  await eventually(queued, (rows) => rows.length === 0);
  // As after a crash between the record and its row.
  await asOwner(
    world.databaseUrl,
    `INSERT INTO media_fetches (tenant, event_id, actor, type, instance, kind, sealed, occurred_at, due_at)
     SELECT tenant, event_id, actor, 'message.received', '${world.instance.id}', 'image', '\\x00', occurred_at, occurred_at
     FROM (VALUES ('${testTenant}', '${eventId}', '${person.entry.conversation}', to_timestamp(0))) AS v (tenant, event_id, actor, occurred_at)`,
  );
  const again = await eventually(results, (all) => all.length === 2);
  expect(new Set(again.map((one) => one.eventId))).toEqual(new Set([first.eventId]));
  expect(first).toMatchObject({ fileId: derivedId('f', testTenant, person.entry.conversation, eventId) });
});

describe('M3 what fails', () => {
  test('for now is tried again, later and later, and then kept', async () => {
    await startService();
    serve = (_, response) => response.writeHead(503).end();
    const eventId = await sends({ url: publicUrl('/a.jpg') });
    const delays: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const [row] = await eventually(
        queued,
        ([one]) => one?.attempts === attempt && one.due_at.getTime() - clock < leaseMs,
      );
      const delay = (row?.due_at.getTime() ?? 0) - clock;
      delays.push(delay);
      expect(seen).toHaveLength(attempt);
      if (attempt === 3) serve = (_, response) => response.end(photo);
      clock += delay;
    }
    expect(delays).toEqual([1_000, 5_000, 20_000]);
    await expectPhoto(eventId);
  });

  test('as long as its pointer may lead somewhere has failed, with the last reason', async () => {
    await startService();
    serve = (_, response) => response.writeHead(503).end();
    await sends({ url: publicUrl('/a.jpg') });
    for (let hop = 0; hop < 20 && (await results()).length === 0; hop += 1) {
      const [row] = await eventually(queued, ([one]) => one === undefined || one.due_at.getTime() > clock + 0);
      if (row !== undefined) clock = row.due_at.getTime();
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(await reason()).toBe('provider.unavailable');
    expect(await queued()).toEqual([]);
  });

  test('when its process dies is taken up by another, after its lease', async () => {
    await startService();
    serve = () => undefined;
    const eventId = await sends({ url: publicUrl('/a.jpg') });
    await eventually(queued, ([one]) => one?.attempts === 1);
    await service?.stop();
    serve = (_, response) => response.end(photo);
    await startService();
    expect(await results()).toEqual([]);
    clock += leaseMs;
    await expectPhoto(eventId);
  }, 20_000);

  const final: readonly (readonly [string, MediaReference, (response: ServerResponse) => unknown, string])[] = [
    ['an address that is gone', { url: '/a' }, (response) => response.writeHead(404).end(), 'file.gone'],
    ['a refusal', { url: '/a' }, (response) => response.writeHead(400).end(), 'provider.refused'],
    ['nothing', { url: '/a' }, (response) => response.end(), 'file.empty'],
    ['a page instead of a photo', { url: '/a' }, (response) => response.end('<html>'), 'file.type-refused'],
    [
      'a file that says that it is too large',
      { url: '/a' },
      (response) => response.writeHead(200, { 'content-length': String(2 ** 30) }).write('x'),
      'file.too-large',
    ],
    ['no pointer', {}, () => undefined, 'file.no-pointer'],
    ['an address inside', { url: 'http://10.0.0.1/a' }, () => undefined, 'address.not-public'],
    ['an address of this machine', { url: 'http://[::ffff:127.0.0.1]/a' }, () => undefined, 'address.not-public'],
    ['a file of this machine', { url: 'file:///etc/passwd' }, () => undefined, 'url.scheme-refused'],
  ];
  test.each(final)('for good has failed at once: %s', async (_, media, answer, expected) => {
    await startService();
    serve = (_request, response) => void answer(response);
    await sends(media.url?.startsWith('/') === true ? { url: publicUrl(media.url) } : media);
    expect(await reason()).toBe(expected);
    expect(seen.length).toBeLessThanOrEqual(1);
    await eventually(queued, (rows) => rows.length === 0);
    expect(await filesKept()).toBe(0);
  });

  test('because its bytes are not those that were promised is tried again, and nothing is kept', async () => {
    await startService();
    const cloud = await instanceOf('cloud', { baseUrl: origin, phoneNumberId: '1' });
    serve = (request, response) => {
      if (request.url?.includes('/file') === true) response.end(photo);
      else response.end(JSON.stringify({ url: `${origin}/file`, sha256: '0'.repeat(64) }));
    };
    await sends({ id: '77' }, { instance: cloud });
    await eventually(queued, ([one]) => one?.attempts === 1 && one.due_at.getTime() - clock === 1_000);
    expect(await filesKept()).toBe(0);
    expect(await results()).toEqual([]);
  });

  test('because its person was erased leaves nothing, and says nothing', async () => {
    await sends({ url: publicUrl('/a.jpg') });
    await asOwner(
      world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${person.entry.person}'`,
    );
    runtime = world.runtime('prosa_worker', 'media-2');
    await startService();
    await eventually(async () => (await world.log.lag('media', topics.events)).every(({ lag }) => lag === 0), Boolean);
    await eventually(queued, (rows) => rows.length === 0);
    expect(await results()).toEqual([]);
    expect(seen).toEqual([]);
  });
});

describe('a message that a merged conversation forwarded', () => {
  test('has its file fetched once, and both conversations show it', async () => {
    const elder = person;
    clock += 1;
    person = await Person.meet(world, ingest, '888000111@lid');
    await person.tell({ type: 'merge.requested', into: elder.entry.conversation, requestedBy: 'test' });
    const id = await sends({ url: publicUrl('/a.jpg') });
    const running = [await startConversation(worker, findEcho), await startProjection(worker, findEcho)];
    await startService();
    const told = async () => await readRecords(world, topics.events, elder.entry.conversation);
    const records = await eventually(told, (all) => all.some(({ type }) => type === 'media.stored'));
    const copy = records.find(({ type }) => type === 'message.received');
    expect(records.filter(({ type }) => type.startsWith('media.'))).toMatchObject([{ messageEventId: id }]);
    expect(copy?.causationId).toBe(id);
    await eventually(async () => (await world.log.lag('media', topics.events)).every(({ lag }) => lag === 0), Boolean);
    await eventually(queued, (rows) => rows.length === 0);
    expect(seen).toHaveLength(1);
    const kept = await runtime.database.query([testTenant], 'SELECT FROM files WHERE actor = $1', [
      elder.entry.conversation,
    ]);
    expect([await filesKept(), kept.rowCount]).toEqual([1, 0]);
    const files = () =>
      api.database.transaction([testTenant], (sql) => readFileStates(sql, testTenant, [id, copy?.eventId ?? '']));
    const shown = await eventually(files, (all) => all.length === 2);
    expect(new Set(shown.map(({ file_id: file }) => file)).size).toBe(1);
    await Promise.all(running.map((one) => one.stop()));
  });
});

test('M6 files of somebody who was erased are removed while the service runs', async () => {
  await startService();
  const stored = (await sends({ url: publicUrl('/a.jpg') }).then(result)) as MediaStored;
  await service?.stop();
  await asOwner(
    world.databaseUrl,
    `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${person.entry.person}'`,
  );
  await startService();
  const gone = async () =>
    (
      await runtime.database.query([testTenant], 'SELECT FROM files WHERE id = $1 AND gone = $2', [
        stored.fileId,
        'erased',
      ])
    ).rowCount;
  await eventually(gone, (count) => count === 1);
  const audit = () => readRecords(world, topics.audit, person.entry.conversation);
  expect(await audit()).toMatchObject([{ action: 'file.deleted', subject: stored.fileId, outcome: 'person.erased' }]);
});
