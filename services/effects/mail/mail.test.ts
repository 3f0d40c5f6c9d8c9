/** Goal: a mail arrives once, or is told not to have; method: a real SMTP server in this process, which misbehaves when told to. */
import type { AddressInfo } from 'node:net';

import { SMTPServer, type SMTPServerDataStream, type SMTPServerOptions } from 'smtp-server';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { createLogger } from '#runtime/logger.ts';
import { derivedId, newUlid, outgoing, recordOf, uncaused } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { eventually } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { EffectRequested, ProsaRecord } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { logMailer } from '../adapters/log-mailer.ts';
import { type SmtpOptions, smtpMailer } from '../adapters/smtp-mailer.ts';
import { startEffects } from '../effects.ts';
import type { Mail } from '../ports/mail.ts';
import { mailHandler } from './handlers.ts';

interface Arrived {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly raw: string;
}

const login = { username: 'prosa', password: 'a password' };
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A server on the loopback that takes everything, but for what `options` say. */
async function smtpServer(options: SMTPServerOptions = {}) {
  const arrived: Arrived[] = [];
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _, done) => {
      if (username === login.username && password === login.password) done(null, { user: username });
      else done(new Error('no'));
    },
    onData: (stream, { envelope, user }, done) => {
      void bodyOf(stream).then((raw) => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        arrived.push({
          from,
          to: envelope.rcptTo.map(({ address }) => address),
          user: user as string | undefined,
          raw,
        });
        done();
      });
    },
    ...options,
  });
  // What clients that leave without a word make.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
      }),
  );
  const { port } = server.server.address() as AddressInfo;
  const smtp: SmtpOptions = { host: '127.0.0.1', port, tls: 'none', login: undefined, from: 'sistema@empresa.example' };
  return { arrived, smtp };
}

async function bodyOf(stream: SMTPServerDataStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

const mail: Mail = {
  id: 'f_1',
  to: 'ops@empresa.example',
  subject: 'Três mensagens não saíram',
  text: 'Olá,\n.\nponto',
  attachments: [],
};
const never = new AbortController().signal;
const failureOf = (smtp: SmtpOptions, signal = never) =>
  smtpMailer(smtp)
    .send(mail, signal)
    .then(
      () => undefined,
      (caught: unknown) => caught,
    );

describe('a mail', () => {
  test('arrives whole, with its files, from who is logged in, under an id of its own', async () => {
    const { arrived, smtp } = await smtpServer();
    const calendar = {
      filename: 'consulta.ics',
      contentType: 'text/calendar; method=REQUEST',
      content: 'BEGIN:VCALENDAR',
    };
    await smtpMailer({ ...smtp, login }).send({ ...mail, attachments: [calendar] }, never);
    expect(arrived).toMatchObject([{ from: smtp.from, to: [mail.to], user: login.username }]);
    const raw = arrived[0]?.raw ?? '';
    expect(raw).toMatch(/^Message-ID: <f_1@empresa\.example>$/im);
    expect(raw).toMatch(/^Auto-Submitted: auto-generated/im);
    expect(raw).toMatch(/^Content-Type: text\/calendar; .*method=REQUEST/im);
    expect(raw).toContain('consulta.ics');
    expect(raw).toMatch(/Subject: =\?UTF-8\?/);
  });

  test('is not sent in the clear where that was not asked for, nor to a server that is not trusted', async () => {
    const clear = await smtpServer();
    expect(await failureOf({ ...clear.smtp, tls: 'starttls', login })).toMatchObject({ code: 'mail.not-encrypted' });
    const selfSigned = await smtpServer({ disabledCommands: [] });
    expect(await failureOf({ ...selfSigned.smtp, tls: 'starttls' })).toMatchObject({
      code: expect.stringMatching(/^mail\.(not-encrypted|unreachable)$/) as string,
    });
    expect([...clear.arrived, ...selfSigned.arrived]).toEqual([]);
  });

  test('that the server refuses, puts off, or that cannot reach it says so', async () => {
    const answering = (code: number) =>
      smtpServer({ onRcptTo: (_, __, done) => done(Object.assign(new Error(mail.to), { responseCode: code })) });
    const refused = await failureOf((await answering(550)).smtp);
    expect(refused).toMatchObject({ code: 'mail.refused', retry: false });
    expect(String(refused)).not.toContain(mail.to);
    expect(await failureOf((await answering(451)).smtp)).toMatchObject({ code: 'mail.put-off', retry: true });
    const { smtp } = await smtpServer();
    const wrong = { username: 'prosa', password: 'wrong' };
    expect(await failureOf({ ...smtp, login: wrong })).toMatchObject({ code: 'mail.unauthorized', retry: false });
    expect(await failureOf({ ...smtp, port: 1 })).toMatchObject({ code: 'mail.unreachable', retry: true });
  });

  test('whose end is not answered may have arrived, and is not tried again', async () => {
    const abort = new AbortController();
    const silent = await smtpServer({
      onData: (stream) => {
        void bodyOf(stream).then(() => abort.abort());
      },
    });
    expect(await failureOf(silent.smtp, abort.signal)).toMatchObject({ code: 'mail.outcome-unknown', retry: false });
  });
});

test('without a server a mail is noted, and nothing of what is in it', async () => {
  const lines: string[] = [];
  await logMailer(createLogger('info', 'effects', { write: (line: string) => void lines.push(line) })).send(
    mail,
    never,
  );
  expect(lines.join()).toContain('f_1');
  expect(lines.join()).not.toMatch(/ops@|mensagens|Olá/);
});

describe('the effect', () => {
  let world: TestWorld;
  let worker: Runtime;
  beforeAll(async () => {
    world = await openTestWorld();
    worker = world.runtime('prosa_worker', 'test-mail');
  });
  afterAll(() => world.close());

  async function ask(actor: string, input: unknown): Promise<string> {
    const effectId = derivedId('f', newUlid(worker.now()));
    const where = { tenant: testTenant, actor, eventId: effectId, type: 'effect.requested' as const };
    const record: EffectRequested = {
      ...uncaused(testTenant, actor, effectId, worker.now()),
      type: where.type,
      effectId,
      source: 'mail.send',
      sealed: await worker.vault.seal(where, tenantSubject(testTenant), worker.now(), { input }),
    };
    await world.log.append([outgoing(record)]);
    return effectId;
  }

  async function told(topic: string, actor: string): Promise<readonly ProsaRecord[]> {
    const found: ProsaRecord[] = [];
    for await (const batch of world.log.readRange({ topic, partition: world.log.partitionOf(actor), from: 0 }))
      found.push(...batch.map(recordOf).filter((record) => record.actor === actor));
    return found;
  }

  async function effects(smtp: SmtpOptions): Promise<RunningService> {
    const handler = { ...mailHandler(smtpMailer(smtp)), retryDelaysMs: [0, 10, 10] };
    const service = await startEffects(worker, {
      handlers: new Map([['mail.send', handler]]),
      soleOwner: true,
      pollMs: 20,
      stopGraceMs: 20,
    });
    closers.push(() => service.stop());
    return service;
  }

  const input = { to: mail.to, subject: 'Assunto', text: 'Texto' };

  test('sends what was asked for, tries again what was put off, and tells an audit where no machine waits', async () => {
    let left = 1;
    const { arrived, smtp } = await smtpServer({
      onMailFrom: (_, __, done) => done(left-- > 0 ? Object.assign(new Error('later'), { responseCode: 450 }) : null),
    });
    await effects(smtp);
    const id = await ask('n_notice', input);
    const [audit] = await eventually(
      () => told(topics.audit, 'n_notice'),
      (all) => all.length > 0,
    );
    expect(audit).toMatchObject({ action: 'notice.sent', subject: id, causationId: id });
    expect(await told(topics.events, 'n_notice')).toEqual([]);
    expect(arrived).toHaveLength(1);
    await ask('n_wrong', { ...input, to: 'nobody' });
    expect(
      await eventually(
        () => told(topics.audit, 'n_wrong'),
        (all) => all.length > 0,
      ),
    ).toMatchObject([{ action: 'notice.failed', outcome: 'mail.invalid' }]);
  });

  test('that a crash cut off is never repeated, and its asker is told that nobody knows', async () => {
    let contents = 0;
    const { smtp } = await smtpServer({
      // Taken, and the answer never comes.
      onData: (stream) => {
        void bodyOf(stream).then(() => (contents += 1));
      },
    });
    const first = await effects(smtp);
    const id = await ask('c_asker', input);
    await eventually(
      () => Promise.resolve(contents),
      (count) => count === 1,
    );
    // As if the process had died: its row is nobody's while the new one starts.
    const row = await worker.database.query<{ claim: string }>(
      [testTenant],
      `UPDATE effects SET claim = claim + 1, lease_until = now() WHERE id = $1 AND status = 'running' RETURNING claim`,
      [id],
    );
    expect(row.rowCount).toBe(1);
    await first.stop();
    await effects(smtp);
    const answers = await eventually(
      () => told(topics.events, 'c_asker'),
      (all) => all.length > 0,
    );
    expect(answers).toMatchObject([{ type: 'effect.completed', outcome: 'error', reason: 'effect.outcome-unknown' }]);
    expect(contents).toBe(1);
  });
});
