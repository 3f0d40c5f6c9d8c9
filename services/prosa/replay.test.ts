// Goal: replays are asked for, waited for and shown, and end with the exit code that tells what they found.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import { asOwner } from '#runtime/testing/postgres.ts';

import { exitCodes } from './exit-codes.ts';
import { Installation, itemsOf, linesOf } from './testing/installation.ts';

const secret = 'segredo';
/** A conversation in which something was said. */
let id: string;
let folder: string;

let at: Installation;
beforeAll(async () => {
  at = await Installation.open();
  id = await at.talk([`meu ${secret}`, 'b']);
  folder = mkdtempSync(join(tmpdir(), 'prosa-replay-'));
});
afterAll(async () => {
  await at.close();
  rmSync(folder, { recursive: true });
});

describe('a replay', () => {
  test('shows each step, with what it changed and what came out', async () => {
    const { code, stdout } = await at.run(`replay steps ${id} --json`);
    expect(code).toBe(exitCodes.ok);
    const said = linesOf(stdout).filter((step) => step['type'] === 'message.received');
    expect(said[0]).toMatchObject({ from: 'none', to: 'listening', machine: 'conversation' });
    expect(JSON.stringify(said[0])).toContain(secret);
    const { stdout: shown } = await at.run(`replay steps ${id}`);
    expect(shown).toMatch(/chg .*count/);
    expect(shown).toMatch(/out reply\.requested .*"kind":"text".*1:meu/);
    expect(shown).toMatch(/out timer\.set \{"timerId":"[^"]+","dueAt":\d+\}/);
    expect(shown).toMatch(/in {2}delivery\.updated .*"status":"sent"/);
    const to = Number(said[1]?.['offset']);
    expect(linesOf((await at.run(`replay steps ${id} --to ${to} --json`)).stdout).at(-1)).toMatchObject({ offset: to });
    expect(await at.run(`replay steps ${id} --at 5d`)).toMatchObject({
      stdout: '',
      stderr: 'It has no record up to there.\n',
    });
    expect((await at.run(`conversations show ${id} --at 5d`)).stdout).toBe('It had not begun before offset 0.\n');
  });

  test('is written as a history that nobody else can read, and not written over', async () => {
    const into = join(folder, 'histories');
    expect(await at.run(`replay export ${id} --output ${into}`)).toMatchObject({ code: exitCodes.ok });
    const [file = ''] = readdirSync(into);
    expect(file).toMatch(new RegExp(`^${id}-conversation-echo-1\\.jsonl$`));
    expect(linesOf(readFileSync(join(into, file), 'utf8'))[0]).toMatchObject({
      machine: 'conversation',
      version: 'echo',
    });
    expect(statSync(join(into, file)).mode & 0o077).toBe(0);
    const again = await at.run(`replay export ${id} --output ${into}`);
    expect(again).toMatchObject({
      code: exitCodes.failure,
      stderr: expect.stringMatching(/EEXIST[^]*--output/) as string,
    });
    expect(await at.run(`replay export ${id}`, 'analyst')).toMatchObject({ code: exitCodes.refused });
  });

  test('verifies, and is found again', async () => {
    const { code, stdout } = await at.run(`replay verify ${id} --json`);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'verify', status: 'done', done: 1, differs: false });
    expect(code).toBe(exitCodes.ok);
    const { id: replay } = JSON.parse(stdout) as { id: string };
    expect(itemsOf(await at.answer('replay ls')).map((one) => one['id'])).toContain(replay);
    expect(await at.answer(`replay show ${replay} --wait`)).toMatchObject({ id: replay, status: 'done' });
    expect(itemsOf(await at.answer(`replay show ${replay} --findings`))).toMatchObject([{ conversationId: id }]);
    expect((await at.run(`replay show ${replay}`)).stdout).toMatch(/status +done/);
    expect(await at.run(`replay verify ${id} --partition 1`)).toMatchObject({ code: exitCodes.usage });
    expect((await at.run('replay verify --partition 99')).stderr).toContain('partition: the log has 0 to 3');
    expect((await at.run('replay emit audit --from 1h --to 2h --topic t')).stderr).toContain('to: not later than from');
    expect(await at.run(`replay show e_nothing`)).toMatchObject({ code: exitCodes.notFound });
  });

  test('is not waited for when it need not be, and can be given up', async () => {
    const made = await at.run('replay verify --no-wait --pace 1 --json');
    expect(made.code).toBe(exitCodes.ok);
    expect(made.stderr).toContain('prosa replay show');
    const { id: replay } = JSON.parse(made.stdout) as { id: string };
    await at.run(`replay cancel ${replay}`);
    const waited = await at.run(`replay show ${replay} --wait --json`);
    expect(JSON.parse(waited.stdout)).toMatchObject({ status: 'cancelled' });
    expect(waited.code).toBe(exitCodes.differs);
  });

  test('that is interrupted goes on at the server', async () => {
    const running = at.start('replay verify --pace 1', 'admin');
    await new Promise((resolve) => setTimeout(resolve, 500));
    running.interrupt();
    const { code, stderr } = await running.ended;
    expect(code).toBe(exitCodes.interrupted);
    const replay = /replay show (\S+) --wait/.exec(stderr)?.[1] ?? '';
    expect(['queued', 'running']).toContain((await at.answer(`replay show ${replay}`))['status']);
    await at.run(`replay cancel ${replay}`);
  });

  test('through another version asks for one that is there', async () => {
    expect(await at.run(`replay what-if ${id} --machine conversation@echo`)).toMatchObject({ code: exitCodes.ok });
    const unknown = await at.run(`replay what-if ${id} --machine conversation@none`);
    expect(unknown.code).toBe(exitCodes.failure);
    expect(unknown.stderr).toContain('There is no such machine or version.');
    expect(await at.run(`replay what-if ${id} --machine conversation`)).toMatchObject({ code: exitCodes.usage });
  });

  test('writes audit of a time to a topic for analysts', async () => {
    const { code, stdout } = await at.run('replay emit audit --from 1h --to 1ms --topic an-hour --json');
    expect(code).toBe(exitCodes.ok);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 're-emit', status: 'done' });
    expect((JSON.parse(stdout) as { records: number }).records).toBeGreaterThan(0);
    expect(await at.run('replay emit audit --from 1h')).toMatchObject({ code: exitCodes.usage });
  });

  test('of which not all can be told ends as one that was done in part', async () => {
    const { databaseUrl, log } = at.api.world;
    const partition = (await log.ends(topics.audit)).find(({ stableEnd }) => stableEnd > 0)?.partition ?? 0;
    await asOwner(
      databaseUrl,
      `DELETE FROM log.records WHERE topic = '${topics.audit}' AND partition = ${partition};
       UPDATE log.partitions SET start_offset = next_offset WHERE topic = '${topics.audit}' AND partition = ${partition}`,
    );
    const { code, stdout, stderr } = await at.run('replay emit audit --from 1h --to 1ms --topic cut --json');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'done', verdicts: { unretained: 1 } });
    expect(code).toBe(exitCodes.differs);
    const [, show = ''] = /prosa (replay show \S+ --findings)/.exec(stderr) ?? [];
    const [found] = itemsOf(await at.answer(show));
    expect(found).toMatchObject({ partition, verdict: 'unretained', offset: expect.any(Number) as number });
    expect(found).not.toHaveProperty('conversationId');
    expect((await at.run(show)).stdout).toMatch(new RegExp(`partition ${partition} +unretained`));
  });
});
