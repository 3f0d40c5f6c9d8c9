/**
 * Goal: the documents tell the truth, about every route. Method: each operation of the document is
 * called with its own example, with every service running: as its tenant, as another tenant, for
 * things that do not exist, without a key, and as each role; every answer is held to the document.
 * The operations come from the routes, so that none can be forgotten.
 */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { topics } from '#schemas/topics.ts';
import { createHttpServer } from '#runtime/http.ts';
import { webhookProofOf } from '#runtime/instances/instances.ts';
import { createLogger } from '#runtime/logger.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { type FakeCloud, signCloudWebhook, startFakeCloud } from '#runtime/testing/fake-cloud.ts';
import { signWahaWebhook } from '#runtime/testing/fake-waha.ts';
import { openParticipants } from '#runtime/participants/participants.ts';
import { eventually } from '#runtime/testing/person.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { processWindow } from '../ingest/duplicate-window.ts';
import { ingestRoutes } from '../ingest/routes.ts';
import type { ApiContext } from './deps.ts';
import { documentOf } from './documents.ts';
import { exampleIds, examplePhone } from './example-ids.ts';
import type { OpenApiOperation } from './openapi-types.ts';
import { problemTable } from './problems.ts';
import { mayCall, roles } from './roles.ts';
import { apiRoutes, routesOf } from './routes.ts';
import { SchemaSet } from './schema-set.ts';
import { type ApiWorld, openApiWorld } from './testing/api-world.ts';
import { type Documented, type Seen, escaped, openDocumentCheck, operationsOf } from './testing/document-check.ts';

// Nothing of the context is touched before a route is called.
const routes = routesOf({ runtime: {}, deps: {}, actors: {}, access: {} } as unknown as ApiContext);
const document = documentOf(routes);
const documented = operationsOf(document);
const named = documented.map((one) => [one.operation.operationId, one] as const);
const keyed = named.filter(([, { operation }]) => operation['x-roles'] !== undefined);
const check = openDocumentCheck(document);

/** What stands in the world for each id of the examples. */
type Things = ReadonlyMap<unknown, unknown>;

/** A call that an operation's example makes. */
interface Request {
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: string | undefined;
}

let api: ApiWorld;
let own: Things;
let wahaSecret: string;
let graph: FakeCloud;
let evolutionHeaders: Readonly<Record<string, string>> | undefined;
const examples: Things = new Map();

beforeAll(async () => {
  const answers = { chat: () => Promise.reject(new Error('unused')), transcribe: () => Promise.resolve('Oi') };
  api = await openApiWorld({ models: { server: answers } });
  graph = await startFakeCloud({ templates: [metaTemplate] });
  await api.startServices();
  own = await furnish();
});
afterAll(async () => {
  await api.close();
  await graph.close();
});

/** As Meta lists it. */
const metaTemplate = {
  id: '1',
  name: 'appointment_reminder',
  language: 'pt_BR',
  category: 'UTILITY',
  status: 'APPROVED',
  components: [
    { type: 'BODY', text: 'Olá {{1}}, sua consulta é em {{2}}.' },
    { type: 'BUTTONS', buttons: [{ type: 'QUICK_REPLY', text: 'Confirmar' }] },
  ],
};

/** Makes everything that examples name, and waits until all of it is seen. */
async function furnish(): Promise<Things> {
  const { admin } = api.keys;
  const { runtime, world } = api;
  const waha = await runtime.instances.create(
    { tenant: testTenant, provider: 'waha', name: 'waha', settings: { baseUrl: 'http://127.0.0.1:9' } },
    runtime.now(),
  );
  wahaSecret = waha.credentials.webhookSecret ?? '';
  const settings = { baseUrl: 'http://127.0.0.1:9', session: 'clinica' };
  const evolution = await runtime.instances.create(
    { tenant: testTenant, provider: 'evolution', name: 'evolution', settings, webhookSecret: wahaSecret },
    runtime.now(),
  );
  evolutionHeaders = webhookProofOf(evolution).headers;
  const baileys = await runtime.instances.create(
    { tenant: testTenant, provider: 'baileys', name: 'baileys', settings: {}, webhookSecret: wahaSecret },
    runtime.now(),
  );
  const scanned = await runtime.instances.create(
    { tenant: testTenant, provider: 'evolution', name: 'scanned', settings, webhookSecret: wahaSecret },
    runtime.now(),
  );
  const cloud = await runtime.instances.create(
    {
      tenant: testTenant,
      provider: 'cloud',
      name: 'cloud',
      settings: { baseUrl: graph.url, phoneNumberId: '106540352242922', businessAccountId: '102290129340398' },
      apiKey: 'an invented access token',
      // One key for every example that is signed.
      webhookSecret: wahaSecret,
    },
    runtime.now(),
  );
  const post = async (path: string, body: object) => (await api.call(admin, 'POST', path, body)).body;
  const seen = async (path: string, pattern: RegExp) =>
    (
      await eventually(
        () => api.call(admin, 'GET', path),
        ({ text }) => pattern.test(text),
      )
    ).body;

  await api.server.inject({
    method: 'POST',
    url: `/webhooks/evolution/${scanned.credentials.webhookToken}`,
    headers: { 'content-type': 'application/json', ...webhookProofOf(scanned).headers },
    payload: { event: 'qrcode.updated', instance: 'clinica', data: { qrcode: { code: '2@an-invented-code' } } },
  });
  await seen(`/v1/instances/${scanned.id}/qr`, /2@an-invented-code/);
  const [garbage] = await world.log.append([
    { topic: topics.events, key: 'c_garbage', value: Buffer.from('garbage'), headers: { ce_tenant: testTenant } },
  ]);
  const { conversationId } = await post('/v1/simulator/messages', { from: examplePhone, text: 'Oi', name: 'Maria' });
  const conversation = String(conversationId);
  await seen(`/v1/simulator/messages?phone=${examplePhone}`, /1:Oi/);
  const twin = await post('/v1/simulator/messages', { from: '5511999990077', text: 'Oi' });
  const history = await seen(`/v1/conversations/${conversation}/messages`, /"status":"sent"/);
  // The id of a reply: what was tried is known of it.
  const message = (history['items'] as readonly { readonly id: string; readonly direction: string }[]).find(
    ({ direction }) => direction === 'out',
  )?.id;
  await seen(`/v1/conversations?instance=${world.instance.id}`, new RegExp(conversation));
  await seen(`/v1/audit?conversation=${conversation}&type=actor.transitioned`, /"to":/);
  await seen('/v1/parked', /c_garbage/);
  await post('/v1/templates/sync', { instanceId: cloud.id });
  const later = { instanceId: world.instance.id, to: examplePhone, text: 'Mais tarde', delayMs: 86_400_000 };
  const { id: scheduledMessage } = await post('/v1/messages', later);
  const { id: batch } = await post('/v1/messages/bulk', {
    instanceId: world.instance.id,
    messages: [{ to: examplePhone, text: 'Mais tarde' }],
    sendAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  // One that was started for later, a draft, and one that was stopped.
  const sendAt = new Date(Date.now() + 86_400_000).toISOString();
  const toMany = { instanceId: world.instance.id, text: 'A todos', segment: { phones: [examplePhone] }, sendAt };
  const [broadcast, stoppedBroadcast] = [await post('/v1/broadcasts', toMany), await post('/v1/broadcasts', toMany)];
  const draftBroadcast = await post('/v1/broadcasts', { instanceId: world.instance.id, text: 'Olá {{nome}}' });
  await post(`/v1/broadcasts/${String(broadcast['id'])}/start`, {});
  await post(`/v1/broadcasts/${String(stoppedBroadcast['id'])}/stop`, {});
  const failedMessage = 'm_failed';
  // Two that wait for a decision, one of them for long, and one that waits for its next attempt.
  await world.runtime('prosa_worker').database.query(
    [testTenant],
    `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, message_id, origin, priority,
       kind, status, reason, next_attempt_at, client_message_id, updated_at)
     VALUES ($1, 'd_failed', 'c_failed', 0, 0, $2, $3, 'api', 'normal', 'text', 'manual', 'attempts-exhausted', now(), 'X', now()),
       ($1, 'd_old', 'c_old', 0, 0, $2, NULL, 'api', 'normal', 'text', 'manual', 'attempts-exhausted', now(), 'Z',
         now() - interval '20 days'),
       ($1, 'd_waiting', 'c_waiting', 0, 0, $2, NULL, 'api', 'normal', 'text', 'queued', NULL, now() + interval '1 day', 'Y', now())`,
    [testTenant, world.instance.id, failedMessage],
  );
  const uploaded = await api.server.inject({
    method: 'POST',
    url: '/v1/files',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'text/plain' },
    payload: 'a file',
  });
  const file = uploaded.json<{ readonly id: string }>();
  const book = (startsAt: string) =>
    post('/v1/appointments', { conversationId: conversation, service: 'consulta', startsAt, name: 'Maria Silva' });
  const [appointment, cancelledAppointment] = [await book('2126-11-26T11:00:00Z'), await book('2126-11-27T11:00:00Z')];
  const { person = '' } = (await runtime.directory.read(testTenant, conversation)) ?? {};
  const inscribed = await openParticipants(world.runtime('prosa_worker')).save({
    tenant: testTenant,
    persons: [person],
    conversation,
    content: {
      fullName: 'Maria Silva',
      email: 'maria@exemplo.example',
      cpf: '52998224725',
      phone: `+${examplePhone}`,
      city: 'São Paulo',
      state: 'SP',
      profile: 'estudante',
    },
    by: 'f_1',
    at: runtime.now(),
  });
  const wanted = { url: 'https://systems.clinic.example/prosa', events: ['message.received'] };
  const webhook = await post('/v1/webhooks', wanted);
  const endedWebhook = await post('/v1/webhooks', wanted);
  await post(`/v1/webhooks/${String(webhook['id'])}/test`, {});
  const replay = await post('/v1/replays', { kind: 'verify', conversationId: conversation });
  await seen(`/v1/replays/${String(replay['id'])}/findings`, /"verdict"/);
  // The name of a revision is made of its content: one that nobody else has.
  const inForce = await runtime.tenants.configuration(testTenant, await runtime.tenants.currentRevision(testTenant));
  const revision = await runtime.tenants.configure(testTenant, {
    machines: {},
    answerGroups: false,
    ...inForce,
    retention: { filesDays: 364 },
  });
  return new Map<unknown, unknown>([
    [exampleIds.conversation, conversation],
    [exampleIds.twin, twin['conversationId']],
    [exampleIds.instance, world.instance.id],
    [exampleIds.message, message],
    [exampleIds.scheduledMessage, scheduledMessage],
    [exampleIds.failedMessage, failedMessage],
    [exampleIds.batch, batch],
    [exampleIds.broadcast, broadcast['id']],
    [exampleIds.draftBroadcast, draftBroadcast['id']],
    [exampleIds.stoppedBroadcast, stoppedBroadcast['id']],
    [exampleIds.replay, replay['id']],
    [exampleIds.wahaToken, waha.credentials.webhookToken],
    [exampleIds.evolutionToken, evolution.credentials.webhookToken],
    [exampleIds.baileysToken, baileys.credentials.webhookToken],
    [exampleIds.cloudToken, cloud.credentials.webhookToken],
    [exampleIds.cloudVerifyToken, cloud.credentials.verifyToken],
    [exampleIds.cloudInstance, cloud.id],
    [exampleIds.scannedInstance, scanned.id],
    [exampleIds.simulatorToken, world.instance.credentials.webhookToken],
    [exampleIds.file, file.id],
    [exampleIds.appointment, appointment['id']],
    [exampleIds.cancelledAppointment, cancelledAppointment['id']],
    [exampleIds.participant, 'id' in inscribed ? inscribed.id : undefined],
    [exampleIds.webhook, webhook['id']],
    [exampleIds.endedWebhook, endedWebhook['id']],
    [exampleIds.revision, revision],
    [exampleIds.parkedPartition, garbage?.partition],
    [exampleIds.parkedOffset, garbage?.offset],
  ]);
}

const replaced = <T>(value: T, things: Things): T =>
  JSON.parse(JSON.stringify(value), (_, one: unknown) => (things.has(one) ? things.get(one) : one)) as T;

/** The examples of its body. */
function bodiesOf({ requestBody }: Pick<OpenApiOperation, 'requestBody'>) {
  const { example, examples: several } = Object.values(requestBody?.content ?? {})[0] ?? {};
  return several === undefined ? [{ summary: 'example', value: example }] : Object.values(several);
}

/** The example's call, on these things. */
function requestOf({ path, operation }: Documented, things: Things, which = 0): Request {
  const { parameters = [] } = operation;
  const valued = (place: string) =>
    parameters
      .filter((one) => one.in === place && one.example !== undefined)
      .map(({ name, example }) => [name, replaced([example], things)[0]] as const);
  const params = new Map(valued('path'));
  const body = bodiesOf(operation)[which]?.value;
  return {
    path: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params.get(name)))),
    query: Object.fromEntries(valued('query')),
    // Text is the content of a file.
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(replaced(body, things)),
  };
}

async function send(one: Documented, key: string | undefined, { path, query, body }: Request): Promise<Seen> {
  const proves = (name: string) => one.operation.security.some((scheme) => name in scheme);
  const [type] = Object.keys(one.operation.requestBody?.content ?? {});
  const answer = await api.server.inject({
    method: one.method,
    url: path,
    query: Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])),
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': type === '*/*' ? 'text/plain' : 'application/json' }),
      ...(proves('wahaSignature') ? signWahaWebhook(body ?? '', wahaSecret) : {}),
      ...(proves('cloudSignature') ? signCloudWebhook(body ?? '', wahaSecret) : {}),
      ...(proves('evolutionSecret') ? evolutionHeaders : {}),
    },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body };
}

/** Calls it and holds the answer to the document. */
async function call(one: Documented, key: string | undefined, things: Things, which = 0): Promise<Seen> {
  const seen = await send(one, key, requestOf(one, things, which));
  expect(check.faultsOf(one, seen)).toEqual([]);
  return seen;
}

const bodyOf = ({ text }: Seen) => JSON.parse(text) as Readonly<Record<string, unknown>>;
const withoutRequestId = (seen: Seen) => {
  const { requestId: _, ...body } = bodyOf(seen);
  return body;
};
const successOf = ({ operation }: Documented): number => Number(Object.keys(operation.responses)[0]);
const itemsIn = (seen: Seen): unknown => (seen.text.startsWith('{') ? bodyOf(seen)['items'] : undefined);

/** Where an example names a thing: there another tenant's thing must not be found. */
function namesThing(one: Documented): 'path or body' | 'query' | undefined {
  const [mine, example] = [requestOf(one, own), requestOf(one, examples)];
  if (mine.path !== example.path || mine.body !== example.body) return 'path or body';
  return JSON.stringify(mine.query) === JSON.stringify(example.query) ? undefined : 'query';
}

describe('every operation, called with its example', () => {
  test.each(named)('%s answers its tenant as documented', async (_, one) => {
    const seen = await call(one, one.operation['x-roles'] && api.keys.admin, own);
    expect(seen.status).toBe(successOf(one));
    // An empty list would say nothing about its items.
    expect(itemsIn(seen)).not.toEqual([]);
  });

  const further = named.flatMap(([name, one]) =>
    bodiesOf(one.operation)
      .slice(1)
      .map(({ summary }, i) => [`${name}: ${summary}`, one, i + 1] as const),
  );

  test.each(further)('%s is answered as documented', async (_, one, which) => {
    const seen = await call(one, api.keys.admin, own, which);
    expect([seen.status, seen.text]).toEqual([successOf(one), seen.text]);
  });

  test.each(keyed)('%s gives nothing of a tenant to another', async (_, one) => {
    const foreign = await call(one, api.otherKey, own);
    for (const [, thing] of own) if (typeof thing === 'string') expect(foreign.text).not.toContain(thing);
    const where = namesThing(one);
    expect(foreign.status).toBe(where === 'path or body' ? 404 : successOf(one));
    if (where === 'query') expect(itemsIn(foreign)).toEqual([]);
  });

  test.each(named)('%s answers an unknown id as it answers that of another tenant', async (_, one) => {
    const { 'x-roles': callers } = one.operation;
    const where = namesThing(one);
    if (where === undefined) return;
    const unknown = await call(one, callers && api.keys.admin, examples);
    expect(unknown.status).toBe(where === 'query' ? 200 : 404);
    if (callers === undefined) return;
    expect(withoutRequestId(unknown)).toEqual(withoutRequestId(await call(one, api.otherKey, own)));
  });

  test.each(keyed)('%s asks for a key', async (_, one) => {
    for (const key of [undefined, `prosa_${'A'.repeat(43)}`]) {
      const seen = await call(one, key, own);
      expect([seen.status, bodyOf(seen)['code']]).toEqual([401, 'unauthorized']);
    }
  });

  test.each(keyed)('%s refuses exactly the roles that the table leaves out', async (name, one) => {
    expect(one.operation['x-roles']).toEqual(mayCall[name as keyof typeof mayCall]);
    for (const role of roles) {
      const { status } = await call(one, api.keys[role], own);
      const may = one.operation['x-roles']?.includes(role) === true;
      if (may) expect([role, [401, 403, 404].includes(status)]).toEqual([role, false]);
      else expect([role, status]).toEqual([role, 403]);
    }
  });

  test('the routes with a key are those of the table, and things are named by many', () => {
    expect(keyed.map(([name]) => name).sort()).toEqual(Object.keys(mayCall).sort());
    const places = keyed.map(([, one]) => namesThing(one));
    expect(places.filter((place) => place === 'path or body').length).toBeGreaterThan(7);
    expect(places).toContain('query');
  });
});

test('a webhook whose signature is wrong or missing is refused as documented', async () => {
  const waha = documented.find(({ operation }) => operation.operationId === 'webhooks.waha');
  if (waha === undefined) throw new Error('no webhook of WAHA');
  const { path: url, body: payload = '' } = requestOf(waha, own);
  for (const signature of [{}, signWahaWebhook(payload, 'another secret')]) {
    const headers = { 'content-type': 'application/json', ...signature };
    const answer = await api.server.inject({ method: 'POST', url, headers, payload });
    const seen = { status: answer.statusCode, headers: answer.headers, text: answer.body };
    expect(check.faultsOf(waha, seen)).toEqual([]);
    expect(seen.status).toBe(401);
  }
});

const run = promisify(execFile);
const hasTools = ['curl', 'openssl'].every((tool) => spawnSync(tool, ['version']).error === undefined);

describe.skipIf(!hasTools)('every shell line of the documents', () => {
  test.each(named)('%s does what it says', async (_, one) => {
    const [sample] = one.operation['x-codeSamples'];
    let line = sample?.source ?? '';
    for (const [example, thing] of own) {
      const plain = String(example);
      line = line.replaceAll(typeof example === 'number' ? new RegExp(`\\b${plain}\\b`, 'g') : plain, String(thing));
    }
    // The name of the example is taken by now.
    line = line.replaceAll('"reception"', '"front desk"');
    line = line.replace('@voice.ogg', "'OggS'");
    line = line.replace('curl -s', `curl -s -o /dev/null -w '%{http_code}'`);
    const { port } = api.server.server.address() as AddressInfo;
    const env = {
      PATH: process.env['PATH'],
      PROSA_URL: `http://127.0.0.1:${port}`,
      PROSA_KEY: api.keys.admin,
      SECRET: wahaSecret,
    };
    expect((await run('sh', ['-c', line], { env })).stdout).toBe(String(successOf(one)));
  });
});

describe('the document', () => {
  const valid = async (one: object) => (await new Validator().validate(one as Record<string, unknown>)).valid;

  test('is OpenAPI 3.1', async () => {
    const plain = JSON.parse(JSON.stringify(document)) as object;
    expect(await new Validator().validate(plain as Record<string, unknown>)).toEqual({ valid: true });
    expect(await valid({ ...plain, paths: { 'no-slash': {} } })).toBe(false);
  });

  test('has every route that is served, and none that is not', async () => {
    const server = createHttpServer({ logger: createLogger('silent'), bodyBytesMax: 1_024 });
    const served = new Set<string>();
    server.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) if (one !== 'HEAD') served.add(`${one} ${url.replace(/(.)\/$/, '$1')}`);
    });
    ingestRoutes(server, api.runtime, processWindow(api.runtime.now));
    apiRoutes(server, api.runtime, {
      find: findEcho,
      phone: { read: () => Promise.reject(new Error('unused')) },
      ingestUrl: () => '',
    });
    await server.ready();
    await server.close();
    const patterns = [...served].map((route) => new RegExp(`^${route.replaceAll(/:\w+/g, '[^/]+')}$`));
    const described = documented.map(({ method, path }) => `${method} ${path}`);
    expect(described.filter((one) => !patterns.some((pattern) => pattern.test(one)))).toEqual([]);
    expect(patterns.filter((pattern) => !described.some((one) => pattern.test(one)))).toEqual([]);
  });

  test('has an example of every call and every answer, in the form that it documents', () => {
    for (const route of routes) {
      const { params, query, body, response, example } = route;
      expect([route.name, params.safeParse(example.params ?? {}).success]).toEqual([route.name, true]);
      expect([route.name, query.safeParse(example.query ?? {}).success]).toEqual([route.name, true]);
      expect([route.name, body?.safeParse(example.body).success]).toEqual([route.name, body && true]);
      expect(response.parse(example.answer)).toEqual(example.answer);
    }
    for (const { method, path, operation } of documented) {
      const at = `/paths/${escaped(path)}/${method.toLowerCase()}`;
      for (const [i, { name, required, example }] of (operation.parameters ?? []).entries()) {
        if (required) expect([operation.operationId, name, example]).not.toContain(undefined);
        if (example !== undefined) expect(check.valueFaults(`${at}/parameters/${i}/schema`, example)).toEqual([]);
      }
      const type = escaped(Object.keys(operation.requestBody?.content ?? {})[0] ?? '');
      if (operation.requestBody !== undefined)
        for (const { value } of bodiesOf(operation))
          expect(check.valueFaults(`${at}/requestBody/content/${type}/schema`, value)).toEqual([]);
      for (const [status, response] of Object.entries(operation.responses)) {
        const [type, media] = Object.entries('content' in response ? (response.content ?? {}) : {})[0] ?? ['', {}];
        if (media.example === undefined) continue;
        const faults = check.valueFaults(`${at}/responses/${status}/content/${escaped(type)}/schema`, media.example);
        expect(faults).toEqual([]);
      }
    }
  });

  test('knows every code that is thrown, with its status, and no other', () => {
    const thrown = new Map<string, number>();
    for (const file of ['../api', '../ingest', '../runtime/http.ts'].flatMap(sourcesIn)) {
      const text = readFileSync(file, 'utf8');
      for (const [, status, code = ''] of text.matchAll(/(?:new Problem\(|: \[)(\d{3}), '([^']+)',/g))
        if (!file.endsWith('problems.ts')) thrown.set(code, Number(status));
    }
    expect(Object.fromEntries(thrown)).toEqual(
      Object.fromEntries(Object.entries(problemTable).map(([code, [status]]) => [code, status])),
    );
  });

  test('refuses a shape whose name another has', () => {
    const schemas = new SchemaSet();
    schemas.of(z.object({ a: z.string() }).meta({ id: 'Twin' }), 'output');
    schemas.of(z.object({ a: z.string() }).meta({ id: 'Twin' }), 'output');
    expect(() => schemas.of(z.object({ b: z.string() }).meta({ id: 'Twin' }), 'output')).toThrow('Twin');
    expect(JSON.stringify(document)).not.toContain('$defs');
  });
});

describe('an answer that is not as documented is found', () => {
  const health = documented.find(({ operation }) => operation.operationId === 'health.read');
  const headers = { 'content-type': 'application/json; charset=utf-8', 'x-request-id': 'r' };
  const right = { status: 200, headers, text: '{"status":"healthy","dependencies":[]}' };
  const refused = (code: string) => ({
    status: 401,
    headers: { ...headers, 'content-type': 'application/problem+json', 'www-authenticate': 'Bearer' },
    text: JSON.stringify({ type: 'about:blank', title: 't', status: 401, code, detail: 'd', requestId: 'r' }),
  });
  const faults = (seen: Seen) => (health === undefined ? [] : check.faultsOf(health, seen));

  test.each([
    ['status', { ...right, status: 418 }],
    ['content type', { ...right, headers: { ...headers, 'content-type': 'text/html' } }],
    ['header', { ...right, headers: { 'content-type': 'application/json' } }],
    ['field of another kind', { ...right, text: '{"status":"well","dependencies":[]}' }],
    ['field missing', { ...right, text: '{"status":"healthy"}' }],
    ['field too many', { ...right, text: '{"status":"healthy","dependencies":[],"secret":1}' }],
    ['code', refused('forbidden')],
  ])('%s', (_, seen) => {
    expect(faults(seen)).toHaveLength(1);
  });

  test('and one that is, is not', () => {
    expect(faults(right)).toEqual([]);
    expect(faults(refused('unauthorized'))).toEqual([]);
  });
});

/** Sources that are no tests, of a folder or the one file itself. */
function sourcesIn(place: string): readonly string[] {
  const path = join(import.meta.dirname, place);
  if (place.endsWith('.ts')) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !/\.test\.ts$|\.cases\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('/testing/'));
}
