/**
 * Gateways on a real Postgres before a fake WhatsApp at Baileys' own interface: who holds a session, what of it
 * is in the database and how, what reaches ingest and in which order, what is sent and how often.
 */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

import { sessionPath } from '#runtime/baileys/gateway.ts';
import type { Instance } from '#runtime/instances/instances.ts';

import { jsonWithBytes } from './bytes-in-json.ts';
import { openEvents } from './events.ts';
import { Deposed } from './leases.ts';
import { receivedKind } from './ports/whatsapp-library.ts';
import { boom, type FakeSocket, fakeVote, webMessage } from './testing/fake-whatsapp.ts';
import { type Arrived, type GatewayWorld, type Process, openGatewayWorld, testKey } from './testing/gateway-world.ts';

/** Messages in the test of order and crashes. */
const messageCount = Number(process.env['PROSA_BAILEYS_MESSAGES'] ?? 60);

const tenant = 'demo';
const phoneId = '5511900000000:7@s.whatsapp.net';
let world: GatewayWorld;
const running: Process[] = [];

beforeAll(async () => {
  world = await openGatewayWorld();
});
afterAll(async () => {
  await world.close();
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop().catch(() => undefined);
  world.ingest.arrived.length = 0;
  world.ingest.answers.length = 0;
  world.ingest.isAway = false;
  await owner('UPDATE baileys_sessions SET wanted = false');
});

async function start(options: Parameters<GatewayWorld['start']>[0] = {}): Promise<Process> {
  const started = await world.start(options);
  running.push(started);
  return started;
}

/** Runs a statement as the owner of the schema, who sees every row. */
async function owner(text: string, values: unknown[] = []): Promise<pg.QueryResult<Record<string, unknown>>> {
  const client = new pg.Client({ connectionString: world.world.databaseUrl });
  await client.connect();
  try {
    return await client.query<Record<string, unknown>>(text, values);
  } finally {
    await client.end();
  }
}

const until = <T>(look: () => T | Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 10_000, interval: 10 });

const of = (instance: Instance): readonly Arrived[] =>
  world.ingest.arrived.filter(({ raw }) => raw.includes(instance.id));
const idsIn = ({ data }: Arrived): readonly string[] =>
  ((data as { messages?: { key: { id: string } }[] }).messages ?? []).map(({ key }) => key.id);
const messagesOf = (instance: Instance): readonly string[] =>
  of(instance).flatMap((one) => (one.event === 'messages.upsert' ? idsIn(one) : []));
const statusesOf = (instance: Instance): readonly string[] =>
  of(instance).flatMap(({ event, data }) =>
    event === 'session.status'
      ? ((data as { status: string; reason: string | null }).reason ?? (data as { status: string }).status)
      : [],
  );

/** A process with an open session of a linked account. */
async function linked(
  options: Parameters<GatewayWorld['start']>[0] = {},
): Promise<{ one: Process; instance: Instance; socket: FakeSocket }> {
  const [one, instance] = [await start(options), await world.instance()];
  await link(one, instance);
  return { one, instance, socket: one.whatsapp.socket };
}

async function link(one: Process, instance: Instance): Promise<void> {
  const before = one.whatsapp.sockets.length;
  expect((await one.call('PUT', sessionPath(tenant, instance.id))).status).toBe(200);
  const first = await until(() => socketAt(one, before));
  first.pair(phoneId);
  const second = await until(() => socketAt(one, before + 1));
  second.open();
  await until(() => expect(one.gateway.session(instance.id)?.status).toBe('working'));
}

function socketAt(one: Process, index: number): FakeSocket {
  const socket = one.whatsapp.sockets[index];
  if (socket === undefined) throw new Error('not opened yet');
  return socket;
}

const send = (one: Process, instance: Instance, id: string, more: object = {}) =>
  one.call('POST', sessionPath(tenant, instance.id, 'messages'), {
    id,
    chat: '5511911111111@c.us',
    person: 'p_1',
    content: { kind: 'text', text: 'Olá, Ana' },
    ...more,
  });

describe('linking', () => {
  test('codes to scan rotate, the account is linked, the restart that follows is at once', async () => {
    const [one, instance] = [await start(), await world.instance()];
    const path = sessionPath(tenant, instance.id);
    expect(await one.call('PUT', path)).toMatchObject({ status: 200, body: { status: 'starting' } });
    const socket = await until(() => socketAt(one, 0));
    for (const code of ['2@first', '2@second']) {
      socket.emit('connection.update', { qr: code });
      expect((await one.call('GET', path)).body).toMatchObject({ status: 'scanning', qr: { code } });
    }
    socket.pair(phoneId);
    const again = await until(() => socketAt(one, 1));
    expect(again.credentials).toMatchObject({ registered: true, me: { id: phoneId } });
    again.open();
    await until(() =>
      expect(statusesOf(instance)).toEqual(['scanning', 'scanning', 'session.restart-required', 'working']),
    );
    expect((await one.call('GET', path)).body).toMatchObject({ status: 'working', reason: null });
    expect((await one.call('GET', path)).body).not.toHaveProperty('qr');
    const codes = of(instance).flatMap(({ data }) => (data as { qr?: { code: string } }).qr?.code ?? []);
    expect(codes).toEqual(['2@first', '2@second']);
    expect(of(instance).every(({ isSigned }) => isSigned)).toBe(true);
  });

  test('nobody scans: it stops, and begins anew when asked', async () => {
    const [one, instance] = [await start(), await world.instance()];
    await one.call('PUT', sessionPath(tenant, instance.id));
    const socket = await until(() => socketAt(one, 0));
    socket.emit('connection.update', { qr: '2@first' });
    socket.close(408);
    await until(() => expect(statusesOf(instance)).toContain('session.qr-expired'));
    expect(one.whatsapp.sockets).toHaveLength(1);
    await one.call('PUT', sessionPath(tenant, instance.id));
    const again = await until(() => socketAt(one, 1));
    expect(again.credentials).not.toEqual(socket.credentials);
  });

  test('a code to type is asked for once the socket is ready for it', async () => {
    const [one, instance] = [await start(), await world.instance()];
    one.whatsapp.onOpen = (socket) => setTimeout(() => socket.emit('connection.update', { qr: '2@first' }), 30);
    await one.call('PUT', sessionPath(tenant, instance.id));
    const answer = await one.call('POST', sessionPath(tenant, instance.id, 'pairing-code'), { phone: '5511900000000' });
    expect(answer).toEqual({ status: 200, body: { code: 'ABCD1234' } });
    expect(one.whatsapp.socket.calls).toEqual([{ method: 'requestPairingCode', arguments: ['5511900000000'] }]);
    await until(() => expect(of(instance).some(({ raw }) => raw.includes('"pairingCode":"ABCD1234"'))).toBe(true));
  });

  test('an account that is linked already has no code', async () => {
    const { one, instance } = await linked();
    const answer = await one.call('POST', sessionPath(tenant, instance.id, 'pairing-code'), { phone: '5511900000000' });
    expect(answer.status).toBe(409);
  });
});

describe('credentials and keys', () => {
  test('are sealed in Postgres, none in plain, and found by the next connection', async () => {
    const { one, instance, socket } = await linked();
    const secret = 'a-ratchet-key-that-nobody-may-read';
    const person = '5511911111111';
    await socket.keys.set({
      session: { [`${person}.0`]: Buffer.from(secret), gone: Buffer.from('x') },
      'lid-mapping': { [person]: '900000000000042' },
      'pre-key': { '1': { public: Buffer.from('public'), private: Buffer.from(secret) } },
    });
    await socket.keys.set({ session: { gone: null } });
    const tables = ['baileys_keys', 'baileys_events', 'baileys_messages', 'baileys_sessions'];
    let dump = '';
    for (const table of tables) {
      const { rows } = await owner(
        `SELECT t::text AS row, encode(t::text::bytea, 'escape') AS escaped FROM ${table} t`,
      );
      dump += JSON.stringify(rows);
    }
    const sealed = await owner('SELECT sealed FROM baileys_keys');
    dump += sealed.rows.map((row) => (row['sealed'] as Buffer).toString('latin1')).join('');
    expect(sealed.rows.length).toBeGreaterThan(3);
    const hex = (text: string) => Buffer.from(text).toString('hex');
    const base64 = (text: string) => Buffer.from(text).toString('base64').slice(0, 12);
    for (const plain of [secret, person, '900000000000042', 'noise-secret', phoneId.split(':')[0] ?? '']) {
      for (const form of [plain, hex(plain), base64(plain)]) expect(dump).not.toContain(form);
    }
    // What was read back by another process, from the rows alone.
    await one.stop();
    const other = await start();
    const next = await until(() => socketAt(other, 0));
    expect(next.credentials).toMatchObject({ registered: true, me: { id: phoneId } });
    expect(next.credentials['noiseKey']).toEqual(socket.credentials['noiseKey']);
    const found = await next.keys.get('session', [`${person}.0`, 'gone', 'never']);
    expect(Object.entries(found).map(([id, value]) => [id, String(value as Buffer)])).toEqual([
      [`${person}.0`, secret],
    ]);
    expect(await next.keys.get('lid-mapping', [person])).toEqual({ [person]: '900000000000042' });
    expect(instance.provider).toBe('baileys');
  });

  test('a batch is stored whole or not at all', async () => {
    const { one, socket } = await linked();
    const tooLarge = {
      toJSON: () => {
        throw new Error('cannot be written');
      },
    };
    await expect(socket.keys.set({ session: { a: Buffer.from('1') }, 'pre-key': { b: tooLarge } })).rejects.toThrow(
      'cannot',
    );
    expect(await socket.keys.get('session', ['a'])).toEqual({});
    await one.stop();
  });

  test('no line of the log has a number, a name or a word of anybody', async () => {
    const { one, socket, instance } = await linked();
    socket.receive('M1', 'um segredo');
    socket.sendError = Object.assign(new Error('to 5511911111111@s.whatsapp.net: um segredo'), {
      output: { statusCode: 500 },
    });
    await send(one, instance, 'FAILINGMESSAGE1');
    socket.close(503);
    await until(() => expect(messagesOf(instance)).toEqual(['M1']));
    expect(one.lines.length).toBeGreaterThan(3);
    for (const line of one.lines) expect(line).not.toMatch(/segredo|\d{8,}@|5511|Ana|Clínica/);
  });
});

describe('one owner', () => {
  test('a second gateway does not touch a session that is held, and passes requests on', async () => {
    const { one, instance } = await linked();
    const two = await start();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(two.whatsapp.sockets).toHaveLength(0);
    expect((await two.call('GET', sessionPath(tenant, instance.id))).body).toMatchObject({ status: 'working' });
    expect(await send(two, instance, 'MESSAGE00000001')).toEqual({ status: 200, body: { status: 'sent' } });
    expect(one.whatsapp.socket.calls.map(({ method }) => method)).toEqual(['sendMessage']);
    expect((await two.call('PUT', sessionPath(tenant, instance.id))).status).toBe(200);
    expect(two.whatsapp.sockets).toHaveLength(0);
  });

  test('takes over when the owner is dead, after its lease; the epoch grows', async () => {
    const { one, instance } = await linked();
    const before = (await owner('SELECT epoch FROM baileys_sessions WHERE instance = $1', [instance.id])).rows[0];
    await one.kill();
    const two = await start();
    const socket = await until(() => socketAt(two, 0));
    expect(socket.credentials.me?.id).toBe(phoneId);
    const after = (await owner('SELECT epoch FROM baileys_sessions WHERE instance = $1', [instance.id])).rows[0];
    expect(Number(after?.['epoch'])).toBe(Number(before?.['epoch']) + 1);
  });

  test('takes over at once when the owner stopped', async () => {
    const { one, instance } = await linked();
    await one.stop();
    expect(one.whatsapp.socket.isEnded).toBe(true);
    const lease = await owner('SELECT lease_until < now() AS over FROM baileys_sessions WHERE instance = $1', [
      instance.id,
    ]);
    expect(lease.rows).toEqual([{ over: true }]);
  });

  test('a deposed owner notices, closes, and writes nothing more', async () => {
    const { one, instance, socket } = await linked();
    const deposed = one.gateway.session(instance.id);
    const lease = deposed?.lease ?? expect.fail('not held');
    // Somebody took it: as after a pause of the whole process.
    await owner(
      `UPDATE baileys_sessions SET owner = 'another', epoch = epoch + 1, lease_until = now() + interval '1 hour'
      WHERE instance = $1`,
      [instance.id],
    );
    await expect(socket.keys.set({ session: { a: Buffer.from('1') } })).rejects.toThrow(Deposed);
    const { database, vault } = world.world.runtime('prosa_worker');
    const events = openEvents(database, vault, lease, Date.now);
    await expect(events.append([{ event: 'messages.upsert', data: {} }], null)).rejects.toThrow(Deposed);
    await expect(events.posted(1)).rejects.toThrow(Deposed);
    socket.receive('LATE', 'from a deposed owner');
    await until(() => expect(socket.isEnded).toBe(true));
    await until(() => expect(one.gateway.session(instance.id)).toBeUndefined());
    expect(one.whatsapp.sockets).toHaveLength(2);
    const rows = await owner('SELECT count(*)::int AS n FROM baileys_events WHERE instance = $1 AND epoch > $2', [
      instance.id,
      lease.epoch,
    ]);
    expect(rows.rows).toEqual([{ n: 0 }]);
    expect(messagesOf(instance)).toEqual([]);
  });

  test('an owner whose database is away closes before others may take over', async () => {
    const { one, instance, socket } = await linked();
    const begun = performance.now();
    // Unlike a kill: the process lives on, and only cannot renew.
    vi.spyOn(one.gateway.leases, 'renew').mockRejectedValue(new Error('away'));
    await until(() => expect(socket.isEnded).toBe(true));
    expect(performance.now() - begun).toBeLessThan(1_500);
    expect(one.gateway.session(instance.id)).toBeUndefined();
  });

  test('whoever took the account over elsewhere is not fought', async () => {
    const { one, instance, socket } = await linked();
    socket.close(440);
    await until(() => expect(statusesOf(instance)).toContain('session.replaced'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(one.whatsapp.sockets).toHaveLength(2);
    // The credentials are kept: a person decides.
    await one.call('PUT', sessionPath(tenant, instance.id));
    expect((await until(() => socketAt(one, 2))).credentials.me?.id).toBe(phoneId);
  });

  test('a deploy is no storm: few connect at a time', async () => {
    const one = await start({ connectingMax: 2 });
    const instances = await Promise.all([1, 2, 3, 4, 5].map(() => world.instance()));
    for (const { id } of instances) await one.gateway.want(tenant, id);
    await until(() => expect(one.whatsapp.sockets).toHaveLength(2));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(one.whatsapp.sockets).toHaveLength(2);
    one.whatsapp.sockets[0]?.open();
    await until(() => expect(one.whatsapp.sockets).toHaveLength(3));
    one.whatsapp.sockets[1]?.close(503);
    await until(() => expect(one.whatsapp.sockets.length).toBeGreaterThanOrEqual(4));
  });
});

describe('reconnecting', () => {
  test('logged out: the credentials are deleted, nothing is tried again', async () => {
    const { one, instance, socket } = await linked();
    socket.close(401);
    await until(() => expect(statusesOf(instance)).toContain('session.logged-out'));
    expect(
      (await owner('SELECT count(*)::int AS n FROM baileys_keys WHERE instance = $1', [instance.id])).rows,
    ).toEqual([{ n: 0 }]);
    expect((await one.call('GET', sessionPath(tenant, instance.id))).body).toMatchObject({ status: 'stopped' });
    expect(one.whatsapp.sockets).toHaveLength(2);
  });

  test.each([408, 428, 503])('%i: it comes back with the same account', async (code) => {
    const { one, socket } = await linked();
    socket.close(code);
    const next = await until(() => socketAt(one, 2));
    expect(next.credentials.me?.id).toBe(phoneId);
  });

  test('asked to disconnect, it stays linked; asked to connect, it does', async () => {
    const { one, instance, socket } = await linked();
    expect((await one.call('POST', sessionPath(tenant, instance.id, 'disconnect'))).status).toBe(204);
    expect(socket.isEnded).toBe(true);
    await until(() => expect(statusesOf(instance)).toContain('session.disconnected'));
    await until(() => expect(one.gateway.session(instance.id)).toBeUndefined());
    await one.call('PUT', sessionPath(tenant, instance.id));
    expect((await until(() => socketAt(one, 2))).credentials.me?.id).toBe(phoneId);
  });

  test('asked to log out, it unlinks and forgets, also when nobody holds the session', async () => {
    const { one, instance, socket } = await linked();
    expect((await one.call('DELETE', sessionPath(tenant, instance.id))).status).toBe(204);
    expect(socket.calls.map(({ method }) => method)).toEqual(['logout']);
    const keys = () => owner('SELECT FROM baileys_keys WHERE instance = $1', [instance.id]);
    expect((await keys()).rowCount).toBe(0);
    await until(() => expect(one.gateway.session(instance.id)).toBeUndefined());
    expect((await one.call('DELETE', sessionPath(tenant, instance.id))).status).toBe(204);
    expect((await one.call('DELETE', sessionPath(tenant, 'i_never'))).status).toBe(404);
  });
});

describe('what is received', () => {
  test('reaches ingest in its order, numbered without gaps, through an ingest that fails now and then', async () => {
    const { instance, socket } = await linked();
    await until(() => expect(statusesOf(instance)).toContain('working'));
    world.ingest.answers.push(503, 200, 500, 429, 200, 200, 404);
    const ids = Array.from({ length: messageCount }, (_, i) => `M${i}`);
    for (const id of ids) socket.receive(id, `text of ${id}`);
    await until(() => expect(messagesOf(instance)).toEqual(ids));
    const sequences = of(instance).map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, i) => i + 1));
    await until(async () =>
      expect((await owner('SELECT FROM baileys_events WHERE instance = $1', [instance.id])).rowCount).toBe(0),
    );
  });

  test('is not lost when the gateway is killed before ingest has it', async () => {
    const { one, instance, socket } = await linked();
    world.ingest.isAway = true;
    const ids = Array.from({ length: messageCount }, (_, i) => `K${i}`);
    for (const id of ids) socket.receive(id, `text of ${id}`);
    const stored = () => owner('SELECT FROM baileys_events WHERE instance = $1', [instance.id]);
    await until(async () => expect((await stored()).rowCount).toBeGreaterThanOrEqual(messageCount));
    await one.kill();
    world.ingest.isAway = false;
    await start();
    await until(() => expect(messagesOf(instance)).toEqual(ids));
  });

  test('is not lost when the gateway is killed between the decryption and the event', async () => {
    const { one, instance, socket } = await linked();
    // The batch of keys that decrypting made, without the event that Baileys tells afterwards.
    const part = {
      messageId: 'LOST1',
      stanza: Buffer.from('stanza'),
      hash: 'aa',
      plaintext: Buffer.from('nobody else has this'),
    };
    await socket.keys.set({ session: { a: Buffer.from('the next key') }, [receivedKind]: { aa: part } });
    await one.kill();
    const two = await start();
    await until(() => expect(messagesOf(instance)).toEqual(['LOST1']));
    expect(of(instance).at(-1)?.raw).toContain('nobody else has this');
    const next = socketAt(two, 0);
    expect(await next.keys.get('session', ['a'])).toEqual({ a: Buffer.from('the next key') });
    expect(await next.keys.get(receivedKind, ['aa'])).toEqual({});
  });

  test('is forgotten as received in the transaction that makes it an event', async () => {
    const { instance, socket } = await linked();
    const part = { messageId: 'M1', stanza: Buffer.from('stanza'), hash: 'bb', plaintext: Buffer.from('x') };
    await socket.keys.set({ [receivedKind]: { bb: part } });
    socket.receive('M1', 'Oi');
    await until(() => expect(messagesOf(instance)).toEqual(['M1']));
    expect(await socket.keys.get(receivedKind, ['bb'])).toEqual({});
  });

  test('waits while the database is away', async () => {
    const { one, instance, socket } = await linked();
    const { terminateConnections } = await import('#runtime/testing/postgres.ts');
    const cutting = terminateConnections(world.world.databaseUrl, one.applicationName);
    for (const id of ['D1', 'D2', 'D3']) socket.receive(id, 'Oi');
    await cutting;
    // A write or a post whose outcome was cut off is made again; ingest knows it by the message's id.
    await until(() => expect([...new Set(messagesOf(instance))]).toEqual(['D1', 'D2', 'D3']));
  });

  test('while we were away comes as `append` and is passed on; history, and what was passed on, is not', async () => {
    const { instance, socket } = await linked();
    const day = 24 * 60 * 60;
    const now = Math.floor(Date.now() / 1_000);
    socket.receive('NEW', 'Oi', { type: 'append', messageTimestamp: now - 3 * day });
    socket.receive('OLD', 'Oi', { type: 'append', messageTimestamp: now - 40 * day });
    socket.receive('LONG', 'Oi', { type: 'append', messageTimestamp: { low: now, high: 0, unsigned: true } });
    socket.receive('NEW', 'Oi', { type: 'append', messageTimestamp: now - 3 * day });
    socket.receive('END', 'Oi');
    await until(() => expect(messagesOf(instance)).toEqual(['NEW', 'LONG', 'END']));
  });

  test('a placeholder is followed by the message itself', async () => {
    const { instance, socket } = await linked();
    const stub = { message: null, messageStubType: 2, messageStubParameters: ['Invalid PreKey ID'] };
    socket.emit('messages.upsert', { type: 'notify', messages: [{ ...webMessage('P1', ''), ...stub }] });
    socket.emit('messages.upsert', { type: 'notify', requestId: 'R1', messages: [webMessage('P1', 'Oi')] });
    await until(() => expect(messagesOf(instance)).toEqual(['P1', 'P1']));
    expect(of(instance).at(-1)?.data).toMatchObject({
      requestId: 'R1',
      messages: [{ message: { conversation: 'Oi' } }],
    });
  });

  test('edits and revocations are told once, statuses all the same', async () => {
    const { instance, socket } = await linked();
    const key = webMessage('M1', '').key;
    const revoke = { protocolMessage: { type: 0, key: { id: 'M1' } } };
    socket.emit('messages.upsert', { type: 'notify', messages: [{ ...webMessage('R1', ''), message: revoke }] });
    socket.emit('messages.update', [{ key, update: { message: null, messageStubType: 1 } }]);
    socket.emit('messages.update', [{ key: { ...key, fromMe: true }, update: { status: 3 } }]);
    // Of a message whose revocation came as nothing else.
    socket.emit('messages.update', [{ key: { ...key, id: 'M2' }, update: { message: null, messageStubType: 1 } }]);
    await until(() => expect(of(instance).filter(({ event }) => event === 'messages.update')).toHaveLength(2));
    const updates = of(instance).flatMap(({ event, data }) => (event === 'messages.update' ? (data as object[]) : []));
    expect(updates).toMatchObject([{ update: { status: 3 } }, { key: { id: 'M2' } }]);
    expect(messagesOf(instance)).toEqual(['R1']);
  });

  test('keys that devices tell each other go no further', async () => {
    const { instance, socket } = await linked();
    const secret = Buffer.from('the key of a group, or of the history');
    const shared = (id: string, message: object) => ({ ...webMessage(id, ''), message });
    const distribution = {
      senderKeyDistributionMessage: { groupId: 'g', axolotlSenderKeyDistributionMessage: secret },
    };
    socket.emit('messages.upsert', {
      type: 'notify',
      messages: [
        shared('S1', { protocolMessage: { type: 6, appStateSyncKeyShare: { keys: [{ keyData: secret }] } } }),
        shared('S2', distribution),
        shared('S3', { ...distribution, conversation: 'Oi' }),
      ],
    });
    await until(() => expect(messagesOf(instance)).toEqual(['S3']));
    expect(
      of(instance)
        .map(({ raw }) => raw)
        .join(''),
    ).not.toContain(secret.toString('base64').slice(0, 16));
  });

  test('a LID alone is given its number, where it is known', async () => {
    const { one, instance, socket } = await linked();
    one.whatsapp.numbers.set('42@lid', '5511911111111@s.whatsapp.net');
    socket.emit('messages.update', [
      { key: { remoteJid: '42@lid', fromMe: true, id: 'A' }, update: { status: 4 } },
      { key: { remoteJid: '43@lid', fromMe: true, id: 'B' }, update: { status: 4 } },
    ]);
    socket.emit('lid-mapping.update', { lid: '42@lid', pn: '5511911111111@s.whatsapp.net' });
    await until(() => expect(of(instance).map(({ event }) => event)).toContain('lid-mapping.update'));
    const update = of(instance).find(({ event }) => event === 'messages.update');
    expect(update?.data).toMatchObject([
      { key: { remoteJidAlt: '5511911111111@s.whatsapp.net' } },
      { key: { remoteJid: '43@lid' } },
    ]);
    expect(update?.raw).not.toContain('"remoteJidAlt":null');
  });

  test('a file is found at an address that nobody can guess', async () => {
    const { one, instance, socket } = await linked();
    one.whatsapp.files.set('/v/file', Buffer.from('the picture'));
    const image = { mimetype: 'image/jpeg', directPath: '/v/file', mediaKey: Buffer.from('media key') };
    socket.emit('messages.upsert', {
      type: 'notify',
      messages: [{ ...webMessage('F1', ''), message: { imageMessage: image } }],
    });
    await until(() => expect(messagesOf(instance)).toEqual(['F1']));
    const [told] = (of(instance).at(-1)?.data as { messages: { fileUrl: string }[] }).messages;
    const url = new URL(told?.fileUrl ?? '');
    const found = await fetch(url);
    expect([found.status, found.headers.get('content-type'), await found.text()]).toEqual([
      200,
      'image/jpeg',
      'the picture',
    ]);
    one.whatsapp.files.clear();
    expect((await fetch(url)).status).toBe(410);
    url.pathname = url.pathname.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(new URL(`/files/${tenant}/${instance.id}/F1`, one.url))).status).toBe(404);
  });

  test('beyond all measure is told without its content', async () => {
    const { instance, socket } = await linked();
    socket.receive('HUGE', 'x'.repeat(3_000_000));
    socket.receive('NEXT', 'Oi');
    await until(() => expect(messagesOf(instance)).toEqual(['HUGE', 'NEXT']));
    expect(of(instance).every(({ raw }) => raw.length < 2_000_000)).toBe(true);
  });
});

describe('sending', () => {
  test('is acknowledged by the server, and once per id, also after a restart of the gateway', async () => {
    const { one, instance, socket } = await linked();
    const answers = await Promise.all([1, 2, 3].map(() => send(one, instance, 'MESSAGE00000001')));
    expect(answers).toEqual(Array(3).fill({ status: 200, body: { status: 'sent' } }));
    expect(await send(one, instance, 'MESSAGE00000001')).toEqual({ status: 200, body: { status: 'sent' } });
    expect(socket.calls).toMatchObject([
      {
        method: 'sendMessage',
        arguments: ['5511911111111@s.whatsapp.net', { text: 'Olá, Ana' }, { messageId: 'MESSAGE00000001' }],
      },
    ]);
    await one.stop();
    const two = await start();
    (await until(() => socketAt(two, 0))).open();
    await until(() => expect(two.gateway.session(instance.id)?.status).toBe('working'));
    expect(await send(two, instance, 'MESSAGE00000001')).toEqual({ status: 200, body: { status: 'sent' } });
    expect(two.whatsapp.socket.calls).toEqual([]);
    // A recipient who could not decrypt it asks for it again.
    expect(await two.whatsapp.socket.messageOf({ id: 'MESSAGE00000001' })).toMatchObject({ text: 'Olá, Ana' });
  });

  test('463 is refused and never tried again', async () => {
    const { one, instance, socket } = await linked();
    socket.acknowledge = () => 463;
    const refused = { status: 200, body: { status: 'refused', code: 'provider.restricted' } };
    expect(await send(one, instance, 'MESSAGE00000002')).toEqual(refused);
    expect(await send(one, instance, 'MESSAGE00000002')).toEqual(refused);
    expect(socket.calls).toHaveLength(1);
    socket.acknowledge = () => 479;
    expect((await send(one, instance, 'MESSAGE00000003')).body).toEqual({
      status: 'refused',
      code: 'provider.whatsapp-479',
    });
  });

  test('without the word of the server it is pending, and a repeat has the same id', async () => {
    const { one, instance, socket } = await linked();
    socket.acknowledge = () => 'silence';
    expect((await send(one, instance, 'MESSAGE00000004')).body).toMatchObject({ status: 'pending' });
    const path = sessionPath(tenant, instance.id, 'messages', 'MESSAGE00000004');
    expect((await one.call('GET', path)).body).toMatchObject({ status: 'pending' });
    socket.acknowledge = () => 'ack';
    expect((await send(one, instance, 'MESSAGE00000004')).body).toEqual({ status: 'sent' });
    expect((await one.call('GET', path)).body).toMatchObject({ status: 'sent' });
    expect(socket.calls.map(({ arguments: given }) => given[2])).toEqual(
      Array(2).fill({ messageId: 'MESSAGE00000004' }),
    );
  });

  test('what broke off may have been sent; what could not be made was not', async () => {
    const { one, instance, socket } = await linked();
    socket.sendError = boom(428);
    expect((await send(one, instance, 'MESSAGE00000005')).body).toMatchObject({ status: 'pending' });
    socket.sendError = boom(400);
    expect((await send(one, instance, 'MESSAGE00000006')).body).toEqual({ status: 'retry', code: 'provider.failed' });
  });

  test('without a connection nothing is sent', async () => {
    const { one, instance, socket } = await linked();
    socket.emit('connection.update', { connection: 'close' });
    const answer = await send(one, instance, 'MESSAGE00000007');
    expect([
      answer.status === 409 || (answer.body as { status: string }).status === 'retry',
      socket.calls.length,
    ]).toEqual([true, 0]);
    expect((await send(one, await world.instance(), 'MESSAGE00000008')).status).toBe(404);
  });

  const media = (kind: string, more: object = {}) => ({
    kind,
    media: { url: 'https://example.com/a', mimetype: 'a/b', ...more },
  });
  test.each([
    [
      {
        kind: 'buttons',
        text: 'Quando?',
        buttons: [
          { id: 'a', title: 'Hoje' },
          { id: 'b', title: 'Amanhã' },
        ],
      },
      { text: 'Quando?\n\n1. Hoje\n2. Amanhã' },
    ],
    [
      { kind: 'list', text: 'Qual?', button: 'Ver', sections: [{ rows: [{ id: 'a', title: 'Um' }] }] },
      { text: 'Qual?\n\n1. Um' },
    ],
    [{ kind: 'template', name: 't', language: 'pt_BR', text: 'Lembrete' }, { text: 'Lembrete' }],
    [
      { ...media('image'), caption: 'Veja' },
      { image: Buffer.from('bytes of an address'), caption: 'Veja' },
    ],
    [media('audio', { voice: true }), { audio: Buffer.from('bytes of an address'), ptt: true }],
    [media('video'), { video: Buffer.from('bytes of an address') }],
    [media('document', { filename: 'a.pdf' }), { document: Buffer.from('bytes of an address'), fileName: 'a.pdf' }],
    [media('sticker'), { sticker: Buffer.from('bytes of an address') }],
    [
      { kind: 'location', latitude: 1.5, longitude: 2.5, name: 'Aqui' },
      { location: { degreesLatitude: 1.5, degreesLongitude: 2.5, name: 'Aqui' } },
    ],
    [{ kind: 'contacts', contacts: [{ name: 'Rui', phone: '+55 11' }] }, { contacts: { displayName: 'Rui' } }],
    [
      { kind: 'reaction', target: 'T1', ours: false, emoji: '👍' },
      { react: { text: '👍', key: { id: 'T1', fromMe: false, remoteJid: '5511911111111@s.whatsapp.net' } } },
    ],
  ])('%o', async (content, expected) => {
    const { one, instance, socket } = await shared();
    const id = `KIND${String(socket.calls.length).padStart(8, '0')}`;
    expect((await send(one, instance, id, { content })).body).toEqual({ status: 'sent' });
    expect(socket.calls.at(-1)?.arguments[1]).toMatchObject(expected);
  });

  let together: Awaited<ReturnType<typeof linked>> | undefined;
  const shared = async () => {
    if (together?.socket.isEnded !== false) together = await linked();
    return together;
  };

  test('a file of ours comes with the request; an answer names what it answers', async () => {
    const { one, instance, socket } = await shared();
    const content = {
      kind: 'image',
      media: { blob: 'f_1', mimetype: 'image/png' },
      replyTo: { target: 'T1', ours: true },
    };
    await send(one, instance, 'FILE00000001', { content, file: Buffer.from('our own').toString('base64') });
    expect(socket.calls.at(-1)?.arguments).toMatchObject([
      {},
      { image: Buffer.from('our own') },
      { quoted: { key: { id: 'T1', fromMe: true } } },
    ]);
    const missing = await send(one, instance, 'FILE00000002', { content });
    expect(missing.body).toEqual({ status: 'refused', code: 'content.file-missing' });
  });

  test('typing, reading, numbers', async () => {
    const { one, instance, socket } = await linked();
    const post = (what: string, body: object) => one.call('POST', sessionPath(tenant, instance.id, what), body);
    expect((await post('typing', { chat: '5511911111111@c.us', forMs: 20 })).status).toBe(204);
    expect((await post('read', { chat: '5511911111111@c.us', id: 'M1' })).status).toBe(204);
    expect((await post('numbers', { phones: ['5511911111111', '5511911111110'] })).body).toEqual({
      items: [
        { phone: '5511911111111', exists: true, address: '5511911111111@s.whatsapp.net' },
        { phone: '5511911111110', exists: false },
      ],
    });
    await until(() => expect(socket.calls).toHaveLength(4));
    const given = socket.calls.map(({ arguments: [first] }) => first);
    // When writing ends is a matter of time.
    expect([...given.filter((one) => one !== 'paused'), given.find((one) => one === 'paused')]).toEqual([
      'composing',
      [{ remoteJid: '5511911111111@s.whatsapp.net', fromMe: false, id: 'M1' }],
      '5511911111111',
      'paused',
    ]);
  });
});

describe('who may ask', () => {
  test('only who has the key', async () => {
    const one = await start();
    const path = sessionPath(tenant, (await world.instance()).id);
    for (const key of ['', 'wrong', `${testKey}x`]) {
      for (const method of ['GET', 'PUT', 'DELETE'])
        expect((await one.call(method, path, undefined, key)).status).toBe(401);
      expect((await one.call('POST', `${path}/messages`, {}, key)).status).toBe(401);
    }
    expect(one.whatsapp.sockets).toHaveLength(0);
  });

  test('a session of another tenant, another provider or nobody is not there', async () => {
    const { one, instance } = await linked();
    for (const path of [
      sessionPath('other', instance.id),
      sessionPath(tenant, world.world.instance.id),
      sessionPath(tenant, 'i_x'),
    ]) {
      expect((await one.call('PUT', path)).status).toBe(404);
      expect((await one.call('GET', path)).status).toBe(404);
      expect(
        (
          await one.call('POST', `${path}/messages`, {
            id: 'MESSAGE00000009',
            chat: 'x',
            person: 'p',
            content: { kind: 'text', text: 'x' },
          })
        ).status,
      ).toBe(404);
    }
    expect((await one.call('POST', `${sessionPath(tenant, instance.id)}/messages`, { id: 'x' })).status).toBe(400);
  });
});

test('bytes come back as they were, wherever they are', () => {
  const text = jsonWithBytes({ a: Buffer.from('x'), b: [new Uint8Array([1, 2])], c: { type: 'Buffer' } });
  expect(JSON.parse(text)).toEqual({
    a: { type: 'Buffer', data: 'eA==' },
    b: [{ type: 'Buffer', data: 'AQI=' }],
    c: { type: 'Buffer' },
  });
});

describe('polls', () => {
  const ana = '5511911111111@s.whatsapp.net';
  const anaLid = '123456789012345@lid';
  const secret = Buffer.alloc(32, 7);
  const options = ['Segunda', 'Terça'];

  /** A poll, and a vote in it, by whom their keys say. */
  const poll = (id: string, fromMe: boolean) =>
    webMessage(id, '', {
      key: { remoteJid: anaLid, remoteJidAlt: ana, fromMe, id },
      message: {
        pollCreationMessageV3: { name: 'Quando?', options: options.map((optionName) => ({ optionName })) },
        messageContextInfo: { messageSecret: secret },
      },
    });
  const voted = (id: string, of: string, vote: object, fromMe = false) =>
    webMessage(id, '', {
      key: { remoteJid: ana, remoteJidAlt: anaLid, fromMe, id },
      message: { pollUpdateMessage: { pollCreationMessageKey: { id: of }, vote } },
    });
  const votesOf = (instance: Instance) =>
    of(instance).flatMap(({ event, data }) =>
      event === 'messages.upsert'
        ? (
            data as { messages: { message: { pollUpdateMessage?: { vote: Record<string, unknown> } } }[] }
          ).messages.flatMap(({ message }) => message.pollUpdateMessage?.vote ?? [])
        : [],
    );

  test('votes are told by their names, whoever made the poll and whichever address the key goes with', async () => {
    const { instance, socket } = await linked();
    const upsert = (...messages: ReturnType<typeof poll>[]) =>
      socket.emit('messages.upsert', { type: 'notify', messages });
    const own = '5511900000000@s.whatsapp.net';
    upsert(poll('OURS', true));
    upsert(voted('V1', 'OURS', fakeVote({ id: 'OURS', secret, creator: own, voter: anaLid }, ['Terça'])));
    upsert(voted('V2', 'OURS', fakeVote({ id: 'OURS', secret, creator: own, voter: ana }, [])));
    upsert(
      poll('THEIRS', false),
      voted('V3', 'THEIRS', fakeVote({ id: 'THEIRS', secret, creator: ana, voter: own }, options), true),
    );
    await until(() => expect(votesOf(instance)).toHaveLength(3));
    expect(votesOf(instance)).toEqual([
      { selectedOptions: ['Terça'] },
      { selectedOptions: [] },
      { selectedOptions: options },
    ]);
    const rows = await owner(`SELECT sealed FROM baileys_messages WHERE instance = $1 AND kind = 'poll'`, [
      instance.id,
    ]);
    expect(rows.rows).toHaveLength(2);
    expect(rows.rows.map((row) => (row['sealed'] as Buffer).toString('latin1')).join('')).not.toMatch(/Segunda|5511/);
  });

  test('a vote that cannot be read goes as it came', async () => {
    const { instance, socket } = await linked();
    const upsert = (...messages: ReturnType<typeof poll>[]) =>
      socket.emit('messages.upsert', { type: 'notify', messages });
    const vote = fakeVote({ id: 'OLD', secret, creator: ana, voter: ana }, ['Terça']);
    upsert(voted('V1', 'OLD', vote));
    upsert(poll('NEW', false), voted('V2', 'NEW', { ...vote, encPayload: Buffer.from('not a vote') }));
    upsert(voted('V3', 'NEW', fakeVote({ id: 'NEW', secret, creator: ana, voter: ana }, ['Quarta'])));
    await until(() => expect(votesOf(instance)).toHaveLength(3));
    for (const told of votesOf(instance)) {
      expect(told).not.toHaveProperty('selectedOptions');
      expect(told).toHaveProperty('encPayload');
    }
  });
});
