/**
 * Goal: an effect that was asked for is answered once, whatever dies meanwhile. Method: a process that
 * stands still for ever at a point, so that another one takes over; handlers that count.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { OperatingError } from '#runtime/errors.ts';
import { derivedId, newUlid, outgoing, recordOf } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { changedLog } from '#runtime/testing/changed-log.ts';
import { eventually } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { SealedEffectOutput } from '#schemas/content.ts';
import type { EffectCompleted, EffectRequested } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { type EffectsOptions, startEffects } from './effects.ts';
import { type EffectCall, EffectFailure, type EffectHandler } from './handler.ts';

let world: TestWorld;
let worker: Runtime;
const services: RunningService[] = [];
/** Each test has an actor of its own. */
let actor = 'i_0';
let actors = 0;

const openWorld = async (): Promise<void> => {
  world = await openTestWorld();
  worker = world.runtime('prosa_worker', 'test-effects');
};
beforeAll(openWorld);
beforeEach(() => {
  actor = `i_${(actors += 1)}`;
});
afterEach(() => Promise.all(services.splice(0).map((service) => service.stop())));
afterAll(() => world.close());

/** Asks for an effect, as the actor host does. */
async function ask(source: string, input: unknown = {}): Promise<string> {
  const effectId = derivedId('f', newUlid(worker.now()));
  const header = { tenant: testTenant, actor, eventId: effectId, type: 'effect.requested' as const };
  const record: EffectRequested = {
    ...header,
    causationId: null,
    occurredAt: worker.now(),
    providerAt: null,
    revision: null,
    effectId,
    source,
    sealed: await worker.vault.seal(header, tenantSubject(testTenant), worker.now(), { input }),
  };
  await world.log.append([outgoing(record)]);
  return effectId;
}

const cancel = (effectId: string) =>
  world.log.append([
    outgoing({
      type: 'effect.cancelled',
      tenant: testTenant,
      actor,
      eventId: derivedId('f', effectId, 'cancelled'),
      causationId: null,
      occurredAt: worker.now(),
      providerAt: null,
      revision: null,
      effectId,
    }),
  ]);

interface Answer extends EffectCompleted {
  readonly told: Omit<SealedEffectOutput, 'call'>;
  readonly call: SealedEffectOutput['call'];
}

/** All answers on the log, in its order. */
async function answers(): Promise<readonly Answer[]> {
  const partition = world.log.partitionOf(actor);
  const found: Answer[] = [];
  for await (const batch of world.log.readRange({ topic: topics.events, partition, from: 0 })) {
    for (const logged of batch) {
      const record = recordOf(logged);
      if (record.type !== 'effect.completed' || record.actor !== actor || record.sealed === null) continue;
      const opened = await worker.vault.open<SealedEffectOutput>(record, record.sealed);
      if (opened.state !== 'open') continue;
      const { call, ...told } = opened.value;
      found.push({ ...record, told, call });
    }
  }
  return found;
}
const answered = (count: number) => eventually(answers, (all) => all.length >= count);
const statusOf = async (id: string): Promise<string | undefined> => {
  const found = await worker.database.query<{ status: string }>(
    [testTenant],
    'SELECT status FROM effects WHERE id = $1',
    [id],
  );
  return found.rows[0]?.status;
};

const handler = (run: EffectHandler['run'], more: Partial<EffectHandler> = {}): EffectHandler => ({
  timeoutMs: 5_000,
  retryDelaysMs: [0, 10, 10],
  concurrency: 4,
  repeatable: true,
  run,
  ...more,
});

async function start(
  handlers: Readonly<Record<string, EffectHandler>>,
  options: Partial<EffectsOptions> = {},
  runtime = worker,
): Promise<RunningService> {
  const service = await startEffects(runtime, {
    handlers: new Map(Object.entries(handlers)),
    pollMs: 20,
    random: () => 0.5,
    ...options,
  });
  services.push(service);
  return service;
}

describe('an effect', () => {
  test('has on its record how it went: a hash that is the same for the same request, attempts, latency', async () => {
    let failures = 1;
    await start({
      greet: handler(() =>
        failures-- > 0 ? Promise.reject(new EffectFailure('later', { retry: true })) : Promise.resolve(1),
      ),
      fail: handler(() => Promise.reject(new EffectFailure('no.luck'))),
    });
    for (const name of ['Ana', 'Bia']) await ask('greet', { name });
    await answered(2);
    await ask('greet', { name: 'Ana' });
    await answered(3);
    await ask('fail', { name: 'Ana' });
    const calls = (await answered(4)).map(({ call }) => call);
    for (const call of calls)
      expect(call).toMatchObject({
        requestHash: expect.any(String) as string,
        latencyMs: expect.any(Number) as number,
      });
    expect(calls.map((call) => call?.attempts).toSorted()).toEqual([1, 1, 1, 2]);
    const hashes = calls.map((call) => call?.requestHash);
    expect(new Set(hashes).size).toBe(3);
    expect(hashes.slice(0, 2)).toContain(hashes[2]);
    expect(JSON.stringify(calls)).not.toMatch(/Ana|Bia/);
  });

  test('is carried out with what the machine gave, and the actor is told', async () => {
    const calls: EffectCall[] = [];
    await start({ greet: handler((call) => (calls.push(call), Promise.resolve({ said: 'oi' }))) });
    const id = await ask('greet', { name: 'Ana' });
    const [answer] = await answered(1);
    expect(answer).toMatchObject({ effectId: id, causationId: id, outcome: 'done', reason: null, actor });
    expect(answer?.told).toEqual({ output: { said: 'oi' } });
    expect(calls).toMatchObject([{ tenant: testTenant, actor, effectId: id, attempt: 1, input: { name: 'Ana' } }]);
    expect(
      await eventually(
        () => statusOf(id),
        (status) => status === 'done',
      ),
    ).toBe('done');
  });

  test('is one effect however often its request is read', async () => {
    let runs = 0;
    await start({ count: handler(() => Promise.resolve((runs += 1))) });
    await ask('count');
    await answered(1);
    const partition = world.log.partitionOf(actor);
    for await (const batch of world.log.readRange({ topic: topics.effects, partition, from: 0 }))
      await world.log.append(
        batch
          .filter(({ key }) => key === actor)
          .map(({ topic, key, value, headers }) => ({ topic, key, value, headers })),
      );
    await ask('count');
    expect((await answered(2)).map(({ told }) => told.output)).toEqual([1, 2]);
    expect(runs).toBe(2);
  });

  test('is tried again where that may help, and not more often than allowed', async () => {
    const attempts: number[] = [];
    const failing = (retry: boolean) =>
      handler((call) => (attempts.push(call.attempt), Promise.reject(new EffectFailure('no.luck', { retry }))));
    await start({ hopeful: failing(true), hopeless: failing(false) });
    await ask('hopeful');
    const [first] = await answered(1);
    expect(attempts).toEqual([1, 2, 3]);
    expect(first).toMatchObject({ outcome: 'error', reason: 'no.luck', told: { error: { code: 'no.luck' } } });
    await ask('hopeless');
    await answered(2);
    expect(attempts).toEqual([1, 2, 3, 1]);
  });

  test('with a defect ends, and says nothing of it', async () => {
    await start({ broken: handler(() => Promise.reject(new Error('secret'))) });
    await ask('broken');
    const [answer] = await answered(1);
    expect(answer).toMatchObject({ outcome: 'error', reason: 'internal' });
    expect(JSON.stringify(answer?.told)).not.toContain('secret');
  });

  test('waits for a part of ours that is away, without counting it', async () => {
    let away = 2;
    const attempts: number[] = [];
    await start({
      patient: handler(({ attempt }) => {
        attempts.push(attempt);
        if (away-- > 0) throw new OperatingError('database.unavailable');
        return Promise.resolve('there');
      }),
    });
    await ask('patient');
    expect((await answered(1))[0]?.told).toEqual({ output: 'there' });
    expect(attempts).toEqual([1, 1, 1]);
  });

  test('does not outlive its time, heeding it or not', async () => {
    const never = () => new Promise<never>(() => undefined);
    await start({
      endless: handler(never, { timeoutMs: 30, retryDelaysMs: [0] }),
      once: handler(never, { timeoutMs: 30, repeatable: false }),
    });
    await ask('endless');
    await ask('once');
    const reasons = (await answered(2)).map(({ reason }) => reason);
    expect(reasons.sort()).toEqual(['effect.outcome-unknown', 'effect.timeout']);
  });

  test('whose output no record can hold fails, and ends nobody else', async () => {
    const service = await start({
      copy: handler(() => Promise.resolve('x'.repeat(1_100_000))),
      quick: handler(() => Promise.resolve('there')),
    });
    await ask('copy');
    const [answer] = await answered(1);
    expect(answer?.told).toEqual({ error: { code: 'effect.output-too-large', message: '' } });
    await ask('quick');
    expect((await answered(2))[1]?.told).toEqual({ output: 'there' });
    await expect(Promise.race([service.finished, Promise.resolve('running')])).resolves.toBe('running');
  });

  test('of a source is bounded, and holds no other up', async () => {
    let running = 0;
    let most = 0;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    await start({
      slow: handler(
        async () => {
          most = Math.max(most, (running += 1));
          await gate;
          running -= 1;
        },
        { concurrency: 2 },
      ),
      quick: handler(() => Promise.resolve('quick')),
    });
    for (let i = 0; i < 6; i += 1) await ask('slow');
    await ask('quick');
    expect((await answered(1))[0]?.told).toEqual({ output: 'quick' });
    release();
    await answered(7);
    expect(most).toBe(2);
  });
});

describe('an effect that is cancelled', () => {
  test('before it began, never begins', async () => {
    let runs = 0;
    const id = await ask('late');
    await cancel(id);
    await start({ late: handler(() => Promise.resolve((runs += 1))) });
    await ask('late');
    await answered(1);
    expect([runs, await statusOf(id)]).toEqual([1, 'cancelled']);
  });

  test('while it runs, is broken off, and nobody is told', async () => {
    let aborted = false;
    let begun = false;
    await start({
      long: handler(({ signal }) => {
        begun = true;
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new EffectFailure('broken.off'));
          }),
        );
      }),
      other: handler(() => Promise.resolve(null)),
    });
    const id = await ask('long');
    await eventually(() => Promise.resolve(begun), Boolean);
    await cancel(id);
    await eventually(() => Promise.resolve(aborted), Boolean);
    await ask('other');
    const all = await answered(1);
    expect(all.map(({ effectId }) => effectId)).not.toContain(id);
  });
});

describe('whatever dies', () => {
  type Point = 'in the handler' | 'before the answer is kept' | 'before it is told' | 'after it was told';
  const points: readonly Point[] = [
    'in the handler',
    'before the answer is kept',
    'before it is told',
    'after it was told',
  ];
  const forever = new Promise<never>(() => undefined);

  /** A process that stands still at a point, and then is no more. */
  function dying(point: Point): { readonly runtime: Runtime; readonly at: Promise<void>; die(): void } {
    let arrive: () => void = () => undefined;
    const at = new Promise<void>((resolve) => (arrive = resolve));
    let dead = false;
    const mortal = <T>(work: () => Promise<T>): Promise<T> => (dead ? Promise.reject(new Error('dead')) : work());
    const still = (): Promise<never> => (arrive(), forever);
    const { database, log } = worker;
    const append: typeof log.append = async (records) => {
      if (point === 'before it is told') return still();
      const appended = await log.append(records);
      return point === 'after it was told' ? still() : appended;
    };
    return {
      at,
      die: () => (dead = true),
      runtime: {
        ...worker,
        database: {
          ...database,
          transaction: (tenants, work) => mortal(() => database.transaction(tenants, work)),
          query: (tenants, text, values) =>
            mortal(() =>
              point === 'before the answer is kept' && text.includes(`status = 'answered', outcome`)
                ? still()
                : database.query(tenants, text, values),
            ),
        },
        log: changedLog(log, { append: (records) => mortal(() => append(records)) }),
      },
    };
  }

  test.each(points.flatMap((point) => [true, false].map((repeatable) => [point, repeatable] as const)))(
    '%s (repeatable: %s), the actor is told once',
    async (point, repeatable) => {
      let runs = 0;
      // What is left of the dead must not be in the way of others.
      await world.close();
      await openWorld();
      const { runtime, at, die } = dying(point);
      let reached: () => void = () => undefined;
      const inHandler = new Promise<void>((resolve) => (reached = resolve));
      const pay = handler(
        ({ effectId }) => {
          runs += 1;
          if (point !== 'in the handler') return Promise.resolve(effectId);
          reached();
          return forever;
        },
        { repeatable },
      );
      const first = await startEffects(runtime, { pollMs: 20, handlers: new Map([['pay', pay]]) });
      first.finished.catch(() => undefined);
      const id = await ask('pay');
      await Promise.race([at, inHandler]);
      die();
      await first.finished.catch(() => undefined);

      await start(
        { pay: handler(({ effectId }) => ((runs += 1), Promise.resolve(effectId)), { repeatable }) },
        { soleOwner: true },
      );
      await eventually(
        () => statusOf(id),
        (status) => status === 'done',
      );
      const told = await answers();
      expect(new Set(told.map(({ eventId }) => eventId)).size).toBe(1);
      const kept = point === 'before it is told' || point === 'after it was told';
      const known = kept || repeatable;
      expect(told[0]?.told).toEqual(
        known ? { output: id } : { error: { code: 'effect.outcome-unknown', message: '' } },
      );
      // What was kept is never carried out again, and what may not be repeated neither.
      expect(runs).toBe(kept || !repeatable ? 1 : 2);
      // The actor host takes the same event once.
      expect(told.length).toBe(point === 'after it was told' ? 2 : 1);
    },
  );

  test('what a process kept whose clock is ahead is told as soon as the others', async () => {
    await world.close();
    await openWorld();
    const { runtime, at, die } = dying('before it is told');
    const anHourMs = 3_600_000;
    const ahead = { ...runtime, now: () => worker.now() + anHourMs };
    const quick = handler(() => Promise.resolve('kept'));
    const first = await startEffects(ahead, { pollMs: 20, handlers: new Map([['quick', quick]]) });
    first.finished.catch(() => undefined);
    const id = await ask('quick');
    await at;
    die();
    await first.finished.catch(() => undefined);
    // Others wait for the one that answered, for a while.
    await asOwner(world.databaseUrl, `UPDATE effects SET answered_at = answered_at - interval '11 seconds'`);
    await start({ quick });
    const [answer] = await answered(1);
    expect(answer).toMatchObject({ effectId: id, told: { output: 'kept' } });
    expect(answer?.occurredAt).toBeGreaterThan(worker.now() + anHourMs / 2);
  });

  test('what an earlier life could not tell, and this one cannot while the log is away, takes nothing from what runs meanwhile', async () => {
    await world.close();
    await openWorld();
    const left = derivedId('f', 'left');
    await asOwner(
      world.databaseUrl,
      `INSERT INTO effects (tenant, id, actor, source, status, outcome, answered_at)
       VALUES ('${testTenant}', '${left}', '${actor}', 'book', 'answered', 'done', now())`,
    );
    let isAway = true;
    let refusals = 0;
    const append: typeof world.log.append = (records) => {
      if (!isAway) return world.log.append(records);
      refusals += 1;
      return Promise.reject(new OperatingError('log.unavailable'));
    };
    const booked = Promise.withResolvers<string>();
    let bookings = 0;
    const book = handler(() => ((bookings += 1), booked.promise), { repeatable: false });
    const quick = handler(() => Promise.resolve('there'));
    await start({ book, quick }, { soleOwner: true }, { ...worker, log: changedLog(world.log, { append }) });
    const id = await ask('book');
    await eventually(
      () => Promise.resolve(bookings),
      (count) => count === 1,
    );
    const before = refusals;
    await eventually(
      () => Promise.resolve(refusals),
      (count) => count > before + 1,
    );
    isAway = false;
    await eventually(
      () => statusOf(left),
      (status) => status === 'done',
    );
    // Looked around once more by then.
    await ask('quick');
    await answered(1);
    booked.resolve('booked');
    const all = await answered(2);
    expect(all.filter(({ effectId }) => effectId === id).map(({ told }) => told)).toEqual([{ output: 'booked' }]);
    expect(bookings).toBe(1);
  });

  test.each([
    ['repeatable', true],
    ['not repeatable', false],
  ])('what Postgres lost is taken over before what comes next: %s', async (_, repeatable) => {
    let runs = 0;
    const book = handler(() => ((runs += 1) === 1 ? new Promise(() => undefined) : Promise.resolve('booked')), {
      repeatable,
    });
    const handlers = { book, quick: handler(() => Promise.resolve('there')) };
    const first = await start(handlers, { stopGraceMs: 0 });
    const kept = await ask('quick');
    await answered(1);
    const partition = world.log.partitionOf(actor);
    const progress = `FROM queue_progress WHERE consumer_group = 'effects' AND partition = ${partition}`;
    const lose = async (id: string): Promise<void> => {
      await asOwner(
        world.databaseUrl,
        `DELETE FROM effects WHERE id = '${id}'; UPDATE queue_progress q SET next_offset = reached.next_offset
         FROM reached WHERE q.consumer_group = 'effects' AND q.partition = ${partition}; DROP TABLE reached`,
      );
    };
    await asOwner(world.databaseUrl, `CREATE TABLE reached AS SELECT next_offset ${progress}`);
    const id = await ask('book');
    await eventually(
      () => Promise.resolve(runs),
      (count) => count === 1,
    );
    await lose(id);
    await ask('quick');
    const told = (await answered(3)).find(({ effectId }) => effectId === id)?.told;
    expect(told).toEqual(
      repeatable ? { output: 'booked' } : { error: { code: 'effect.outcome-unknown', message: '' } },
    );
    expect(runs).toBe(repeatable ? 2 : 1);
    expect(await statusOf(kept)).toBe('done');

    // Told already, and nothing comes after it: it has the same id again.
    await first.stop();
    await asOwner(world.databaseUrl, `CREATE TABLE reached AS SELECT next_offset - 2 AS next_offset ${progress}`);
    await lose(id);
    await start(handlers);
    const all = (await answered(4)).filter(({ effectId }) => effectId === id);
    expect(all).toHaveLength(2);
    expect(new Set(all.map(({ eventId }) => eventId)).size).toBe(1);
  });

  test('who dies while taking over keeps it no longer than that takes', async () => {
    await world.close();
    await openWorld();
    const id = await ask('long');
    const service = await start({ other: handler(() => Promise.resolve(null)) });
    await eventually(
      () => statusOf(id),
      (status) => status === 'requested',
    );
    await service.stop();
    await asOwner(world.databaseUrl, `UPDATE effects SET status = 'running', claimed_by = 'gone', lease_until = now()`);
    const { query } = worker.database;
    const dead = Promise.reject(new Error('dead'));
    dead.catch(() => undefined);
    const database: Runtime['database'] = {
      ...worker.database,
      query: (tenants, text, values) => (text.includes('attempts = attempts - ') ? dead : query(tenants, text, values)),
    };
    await start({ long: handler(() => dead, { timeoutMs: 3_600_000 }) }, {}, { ...worker, database });
    const taken = await eventually(
      () =>
        worker.database.query<{ claimed_by: string; seconds: number }>(
          [testTenant],
          `SELECT claimed_by, extract(epoch FROM lease_until - now())::float8 AS seconds FROM effects WHERE id = $1`,
          [id],
        ),
      ({ rows }) => rows[0]?.claimed_by !== 'gone',
    );
    expect(taken.rows[0]?.seconds).toBeLessThan(60);
  });

  test('a process that stops puts back what may be repeated, and another one does it', async () => {
    let begun = false;
    const first = await start(
      { work: handler(() => ((begun = true), forever), { timeoutMs: 60_000 }) },
      { stopGraceMs: 50 },
    );
    await ask('work');
    await eventually(() => Promise.resolve(begun), Boolean);
    const stopped = first.stop();
    await start({ work: handler(({ attempt }) => Promise.resolve(attempt)) });
    await stopped;
    expect((await answered(1))[0]?.told).toEqual({ output: 1 });
  }, 20_000);

  test('what makes its process die again and again ends', async () => {
    const id = await ask('deadly');
    await start({ other: handler(() => Promise.resolve(null)) });
    await eventually(
      () => statusOf(id),
      (status) => status === 'requested',
    );
    await worker.database.query(
      [testTenant],
      `UPDATE effects SET status = 'running', attempts = 3, lease_until = now() WHERE id = $1`,
      [id],
    );
    await start({ deadly: handler(() => Promise.resolve('alive')) });
    expect((await answered(1))[0]?.reason).toMatch(/attempts-exhausted|outcome-unknown/);
  });
});
