// Goal: watching shows what comes, each thing once and in order, until it is interrupted.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { eventually } from '#runtime/testing/person.ts';

import { exitCodes } from './exit-codes.ts';
import { Installation, linesOf } from './testing/installation.ts';
import { startProsa } from './testing/prosa.ts';

/** A conversation in which something was said. */
let id: string;

let at: Installation;
beforeAll(async () => {
  at = await Installation.open();
  id = await at.talk(['a', 'b']);
});
afterAll(() => at.close());

describe('watching', () => {
  test('a conversation shows what comes, each once, until interrupted', async () => {
    const phone = at.newPhone();
    const conversation = await at.says(phone, 'um');
    await eventually(
      () => at.answer(`conversations show ${conversation} --timeline`),
      (body) => JSON.stringify(body).includes('delivery.updated'),
    );
    const watching = at.start(`conversations tail ${conversation} --json --last 1`, 'analyst');
    await eventually(
      async () => watching.stdout(),
      (out) => out !== '',
    );
    await at.says(phone, 'dois');
    await eventually(
      async () => linesOf(watching.stdout()).map((step) => step['type']),
      (types) => types.includes('message.received'),
    );
    watching.interrupt();
    const { code, stdout } = await watching.ended;
    expect(code).toBe(exitCodes.interrupted);
    const offsets = linesOf(stdout).map((step) => Number(step['offset']));
    expect(offsets).toEqual([...new Set(offsets)].toSorted((one, other) => one - other));
  });

  test('its messages shows both directions, and what became of them', async () => {
    const phone = at.newPhone();
    const conversation = await at.says(phone, 'um');
    const watching = at.start(`conversations tail ${conversation} --messages --json`, 'operator');
    await at.says(phone, 'dois');
    await eventually(
      async () => linesOf(watching.stdout()),
      (lines) =>
        ['um', 'dois'].every((text) => lines.some((one) => one['text'] === text)) &&
        lines.some((one) => one['text'] === '2:dois' && one['status'] === 'sent'),
    );
    watching.interrupt();
    expect((await watching.ended).code).toBe(exitCodes.interrupted);
  });

  test('audit shows the past oldest first, then what comes, each once', async () => {
    const before = await at.run(`audit tail --conversation ${id} --type actor.transitioned --no-follow --json`);
    expect(before.code).toBe(exitCodes.ok);
    const times = linesOf(before.stdout).map((event) => String(event['at']));
    expect(times.length).toBeGreaterThan(1);
    expect(times).toEqual(times.toSorted());

    const watching = at.start(`audit tail --conversation ${id} --last 1 --json`, 'auditor');
    await eventually(
      async () => watching.stdout(),
      (out) => out !== '',
    );
    await at.run(`conversations show ${id} --messages`);
    await eventually(
      async () => watching.stdout(),
      (out) => out.trim().split('\n').length > 1,
    );
    watching.interrupt();
    const events = linesOf((await watching.ended).stdout);
    expect(events.at(-1)).toMatchObject({ type: 'access.messages', conversationId: id });
    expect(new Set(events.map((event) => event['id'])).size).toBe(events.length);
  });

  test('ends by itself when it was told how long', async () => {
    expect(await at.run(`conversations tail ${id} --for 10ms`)).toMatchObject({ code: exitCodes.ok });
    expect(await at.run('audit tail --last 0 --for 10ms')).toMatchObject({ code: exitCodes.ok, stdout: '' });
  });

  test('goes on when the API was away for a while', async () => {
    let away = false;
    const door = createServer((request, response) => {
      if (away) {
        response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>no</h1>');
        return;
      }
      void fetch(`${at.url}${request.url ?? ''}`, {
        headers: { authorization: request.headers.authorization ?? '' },
      }).then(async (answered) => {
        response.writeHead(answered.status, { 'content-type': 'application/json' }).end(await answered.text());
      });
    });
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    const through = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
    try {
      const watching = startProsa(['conversations', 'tail', id], { ...at.as('admin'), PROSA_URL: through });
      await eventually(
        async () => watching.stdout(),
        (out) => out !== '',
      );
      away = true;
      await eventually(
        async () => watching.stderr(),
        (err) => err.includes('Trying again'),
      );
      away = false;
      await eventually(
        async () => watching.stderr(),
        (err) => err.includes('It answers again.'),
      );
      watching.interrupt();
      expect((await watching.ended).stderr.match(/Trying again/g)).toHaveLength(1);
    } finally {
      door.closeAllConnections();
      await new Promise((resolve) => door.close(resolve));
    }
  });
});
