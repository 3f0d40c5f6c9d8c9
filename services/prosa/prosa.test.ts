// Goal: commands do what they say on a running installation, end with the exit code that scripts rely
// on, and show no personal data to keys that may not see it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import { eventually } from '#runtime/testing/person.ts';

import { exitCodes } from './exit-codes.ts';
import { type Body, Installation, itemsOf } from './testing/installation.ts';
import { prosa } from './testing/prosa.ts';

const secret = 'segredo';
/** A conversation in which something was said. */
let id: string;

let at: Installation;
beforeAll(async () => {
  at = await Installation.open();
  id = await at.talk([`meu ${secret}`, 'b']);
});
afterAll(() => at.close());

describe('lists', () => {
  test('of conversations, for people and for programs', async () => {
    const { code, stdout, stderr } = await at.run('conversations ls');
    expect([code, stderr]).toEqual([exitCodes.ok, '']);
    expect(stdout).toMatch(/^ID +STATE +STATUS/);
    expect(stdout).toMatch(new RegExp(`${id} +listening +active +1 `));
    expect(itemsOf(await at.answer('conversations ls --state listening')).map((one) => one['id'])).toContain(id);
    expect(await at.answer('conversations ls --state nowhere')).toEqual({ items: [], next: null });
  });

  test('end where they were told to, and go on from there', async () => {
    await at.talk(['x']);
    const first = await at.run('conversations ls --limit 1');
    expect(first.stdout.trim().split('\n')).toHaveLength(2);
    const cursor = / --cursor (\S+)/.exec(first.stderr)?.[1] ?? '';
    const [all, rest] = [await at.answer('conversations ls'), await at.answer(`conversations ls --cursor ${cursor}`)];
    expect(itemsOf(rest)).toEqual(itemsOf(all).slice(1));
    expect(await at.run('conversations ls --cursor nonsense')).toMatchObject({ code: exitCodes.usage });
  });

  test('take as many calls as they need', async () => {
    const asked: string[] = [];
    const pages = createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://pages');
      const [from, limit] = [Number(searchParams.get('cursor') ?? 0), Number(searchParams.get('limit'))];
      asked.push(`${from}+${limit}`);
      const items = Array.from({ length: limit }, (_, i) => ({ id: `i_${from + i}`, provider: 'waha' }));
      const body = JSON.stringify({ items, next: String(from + limit) });
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    try {
      const { stdout } = await prosa(['instances', 'ls', '--limit', '450', '--json'], { PROSA_URL: url });
      const list = JSON.parse(stdout) as Body;
      expect(new Set(itemsOf(list).map((one) => one['id'])).size).toBe(450);
      expect([list['next'], asked]).toEqual(['450', ['0+200', '200+200', '400+50']]);
    } finally {
      pages.closeAllConnections();
      await new Promise((resolve) => pages.close(resolve));
    }
  });

  test('of deliveries, by status and conversation', async () => {
    const own = itemsOf(await at.answer(`deliveries --conversation ${id} --status sent`));
    expect(own).toMatchObject([
      { conversationId: id, status: 'sent', attempts: 1, provider: 'simulator' },
      { conversationId: id, status: 'sent' },
    ]);
    expect(itemsOf(await at.answer(`deliveries --conversation ${id} --status failed`))).toEqual([]);
    expect(itemsOf(await at.answer(`deliveries --conversation ${id} --limit 1`))).toEqual([own[0]]);
    expect((await at.run('deliveries')).stdout).toMatch(/^ID +STATUS +REASON/);
  });

  test('of instances, and one of them', async () => {
    const { id: instance } = at.api.world.instance;
    expect((await at.run('instances ls')).stdout).toContain(instance);
    expect(await at.answer(`instances show ${instance}`)).toMatchObject({ id: instance, provider: 'simulator' });
    const { stdout } = await at.run(`instances show ${instance}`);
    expect(stdout).toMatch(/provider +simulator/);
    expect(stdout).not.toContain(at.api.world.instance.credentials.webhookToken);
  });

  test('of topics, with the lag of their readers', async () => {
    const list = await eventually(
      () => at.answer('topics'),
      (body) =>
        itemsOf(body).every(
          (one) => one['name'] === topics.timers || !/"lag":[1-9]/.test(JSON.stringify(one['groups'])),
        ),
    );
    expect(itemsOf(list).find((one) => one['name'] === topics.events)).toMatchObject({
      partitions: 4,
      retentionDays: null,
      groups: expect.arrayContaining([{ name: 'conversation', lag: 0, lagSeconds: 0, behind: [] }]) as unknown,
    });
    const { stdout } = await at.run('topics');
    expect(stdout).toMatch(new RegExp(`${topics.events.replace('.', '\\.')} +4 +unlimited +\\d+ .*conversation 0`));
    expect(stdout).toMatch(/30 days/);
    // Nothing does timers in this world.
    expect(stdout).toMatch(/timers [1-9]\d* \(\d+\.\d s\) in \d/);
    const behind = itemsOf(await at.answer('topics --behind')).filter((one) => one['topic'] === topics.timers);
    expect(behind[0]).toMatchObject({ group: 'timers', lag: expect.any(Number) as number });
    expect((await at.run('topics --behind')).stdout).toMatch(/timers +timers +\d +[1-9]\d* +[\d.]+/);
  });
});

describe('a conversation', () => {
  test('is shown as it is, and as it was', async () => {
    const { code, stdout } = await at.run(`conversations show ${id}`);
    expect(code).toBe(exitCodes.ok);
    expect(stdout).toMatch(/state +listening/);
    expect(stdout).toMatch(/context +\{"count":2/);
    const steps = itemsOf(await at.answer(`conversations show ${id} --timeline`));
    const second = steps.filter((step) => step['type'] === 'message.received')[1];
    const past = await at.answer(`conversations show ${id} --offset ${String(second?.['offset'])}`);
    expect(past).toMatchObject({ state: { context: { count: 1 } } });
    expect(await at.answer(`conversations show ${id} --at 1d`)).toMatchObject({ episode: 0 });
    expect((await at.run(`conversations show ${id} --at 1d`)).stdout).toMatch(/not begun/);
    expect((await at.run(`conversations show ${id} --messages`)).stdout).toContain(`meu ${secret}`);
  });

  test('is shown to an analyst without personal data', async () => {
    for (const role of ['analyst', 'auditor'] as const) {
      for (const line of [
        `conversations show ${id}`,
        `conversations show ${id} --timeline`,
        `conversations show ${id} --offset 99999999`,
        `conversations tail ${id} --for 1ms`,
        `replay steps ${id}`,
        'conversations ls',
        'deliveries',
      ]) {
        for (const form of [line, `${line} --json`]) {
          const { code, stdout, stderr } = await at.run(form, role);
          expect([form, code]).toEqual([form, exitCodes.ok]);
          expect(stdout.length).toBeGreaterThan(20);
          expect(stdout + stderr).not.toMatch(new RegExp(`${secret}|"count"|55119876`));
        }
      }
      expect((await at.run(`conversations show ${id}`, role)).stdout).toContain('(not shown to this key)');
      const refused = await at.run(`conversations tail ${id} --messages --for 1s`, role);
      expect(refused).toMatchObject({ code: exitCodes.refused, stdout: '' });
    }
  });

  test('that went into quarantine is released', async () => {
    const broken = await at.says(at.newPhone(), 'boom');
    await eventually(
      () => at.answer(`conversations show ${broken}`),
      (body) => body['status'] === 'quarantined',
    );
    expect((await at.run(`conversations show ${broken}`)).stdout).toContain(`prosa conversations release ${broken}`);
    const { code, stdout } = await at.run(`conversations release ${broken}`);
    expect([code, stdout]).toEqual([exitCodes.ok, expect.stringMatching(/^Its release is record \w{26}\./)]);
    await eventually(
      () => at.answer(`conversations show ${broken} --timeline`),
      (body) => JSON.stringify(body).includes('conversation.released'),
    );
  });
});

test('a parked record is listed and put back', async () => {
  await at.api.world.log.append([
    { topic: topics.events, key: 'c_garbage', value: Buffer.from('garbage'), headers: { ce_tenant: 'demo' } },
  ]);
  const [parked] = await eventually(
    async () => itemsOf(await at.answer('parked ls')),
    (items) => items.length > 0,
  );
  expect(parked).toMatchObject({ reason: 'record.undecodable', actor: 'c_garbage' });
  expect((await at.run('parked ls')).stdout).toContain('record.undecodable');
  const place = `${String(parked?.['topic'])} ${String(parked?.['partition'])} ${String(parked?.['offset'])}`;
  const put = await at.answer(`parked redrive ${place}`);
  expect(put).toMatchObject({ topic: topics.events, partition: parked?.['partition'] });
  expect(Number(put['offset'])).toBeGreaterThan(Number(parked?.['offset']));
  expect((await at.run(`parked redrive ${place}`)).stdout).toMatch(/^It is now at /);
  expect(await at.run(`parked redrive ${place}`, 'analyst')).toMatchObject({ code: exitCodes.refused });
  expect(await at.run(`parked redrive ${topics.events} 0 999999`)).toMatchObject({ code: exitCodes.notFound });
});

describe('what cannot be done', () => {
  test('is told with what to do, and the exit code of its kind', async () => {
    const none = await at.run('conversations show c_none');
    expect(none).toMatchObject({ code: exitCodes.notFound, stdout: '' });
    expect(none.stderr).toMatch(/^prosa: There is nothing here\. \(request [\w-]+\)\n {2}Check the id\./);

    const wrong = await prosa(['topics'], { PROSA_URL: at.url, PROSA_API_KEY: `prosa_${'A'.repeat(43)}` });
    expect(wrong).toMatchObject({ code: exitCodes.refused });
    expect(wrong.stderr).toContain('PROSA_API_KEY');
    const missing = await prosa(['topics'], { PROSA_URL: at.url });
    expect(missing).toMatchObject({ code: exitCodes.refused });
    expect(missing.stderr).toContain('The API asks for a key.');
    expect(await at.run('topics', 'analyst')).toMatchObject({ code: exitCodes.refused });

    const away = await prosa(['topics', '--json'], { PROSA_URL: 'http://127.0.0.1:1' });
    expect(away).toMatchObject({ code: exitCodes.unavailable, stdout: '' });
    expect(JSON.parse(away.stderr)).toMatchObject({
      error: { exitCode: 6, hint: expect.stringContaining('npm start') as string },
    });
    const ill = await prosa(['topics'], { PROSA_URL: 'nowhere' });
    expect(ill).toMatchObject({ code: exitCodes.usage });
    expect(ill.stderr).toContain('PROSA_URL');
  });

  test('because something else answers there is told so, and the key goes nowhere else', async () => {
    const keys: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      keys.push(request.headers.authorization);
      if (request.url === '/v1/topics')
        response.writeHead(307, { location: `http://127.0.0.1:${port}/elsewhere` }).end();
      else response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const environment = { PROSA_URL: `http://127.0.0.1:${port}`, PROSA_API_KEY: 'prosa_key' };
    try {
      const html = await prosa(['instances', 'ls'], environment);
      expect(html).toMatchObject({ code: exitCodes.failure });
      expect(html.stderr).toContain('is not the API of Prosa');
      const led = await prosa(['topics'], environment);
      expect(led).toMatchObject({ code: exitCodes.failure });
      expect(led.stderr).toContain('redirect');
      expect(keys).toHaveLength(2);
    } finally {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    }
  });
});

describe('the key', () => {
  test('may be in a file, named by an option or by the environment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'prosa-key-'));
    const file = join(folder, 'key');
    writeFileSync(file, `${at.api.keys.admin}\n`);
    expect(await prosa(['topics', '--url', at.url, '--api-key-file', file])).toMatchObject({ code: exitCodes.ok });
    expect(await prosa(['topics'], { PROSA_URL: at.url, PROSA_API_KEY_FILE: file })).toMatchObject({
      code: exitCodes.ok,
    });
    rmSync(folder, { recursive: true });
  });

  test('is never in what is written', async () => {
    for (const line of [
      'topics',
      'conversations show c_none',
      'doctor',
      `instances show ${at.api.world.instance.id}`,
    ]) {
      for (const form of [line, `${line} --json`]) {
        const { stdout, stderr } = await at.run(form);
        expect(stdout + stderr).not.toContain(at.api.keys.admin);
      }
    }
  });
});

// Last: what is in force is another one from here on.
test('a configuration is shown, changed in a file, and put in force; a wrong one changes nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'prosa-configuration-'));
  const file = join(folder, 'configuration.json');
  const before = await at.answer('configuration show');
  const { stdout } = await at.run('configuration show');
  expect(JSON.parse(stdout)).toEqual(before['configuration']);
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(stdout) as object), answerGroups: true }));
  const { revision } = await at.answer(`configuration set ${file}`);
  expect(await at.answer('configuration show')).toMatchObject({ revision, configuration: { answerGroups: true } });
  expect(await at.answer(`configuration show --revision ${String(before['revision'])}`)).toMatchObject({
    isCurrent: false,
    configuration: before['configuration'],
  });
  writeFileSync(file, JSON.stringify({ machines: { none: { version: '1', settings: {} } }, answerGroups: true }));
  const wrong = await at.run(`configuration set ${file}`);
  expect([wrong.code, wrong.stderr]).toEqual([exitCodes.usage, expect.stringContaining('machines.none')]);
  writeFileSync(file, 'no JSON');
  expect(await at.run(`configuration set ${file}`)).toMatchObject({ code: exitCodes.usage });
  expect(await at.run(`configuration set ${file}-missing`)).toMatchObject({ code: exitCodes.usage });
  expect(await at.run(`configuration set ${file}`, 'operator')).toMatchObject({ code: exitCodes.usage });
  expect(await at.answer('configuration show')).toMatchObject({ revision });
  rmSync(folder, { recursive: true });
});
