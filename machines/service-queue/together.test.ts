/**
 * Goal: what holds for conversations and the queue that they wait in together, whatever people and attendants do.
 * Method: both machines, told by each other in order, in random courses with time; every word to a person is looked at.
 */
import fc from 'fast-check';
import type { AnyStateMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import { positionPauseMs } from '#machines/conversation/attendance-context.ts';
import { conversationMachine } from '#machines/conversation/machine.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { clinic } from '#machines/conversation/testing/outside.ts';
import { presses, requests, says } from '#machines/conversation/testing/steps.ts';
import { type Folded, type FoldedAction, begin, paramsOf, tell } from '#machines/testing/fold.ts';
import { type Untold, noon } from '#machines/testing/given.ts';
import type { ServiceQueueContext } from './context.ts';
import { serviceQueueMachine } from './machine.ts';

const runs = Number(process.env['QUEUE_RUNS'] ?? 25);
const timeoutMs = 30_000 + 200 * runs;
const capacity = 1;
const waitingMax = 3;
const queue = { name: 'atendimento', capacity, waitingMax, minutesEach: 5, attendedTimeoutMs: 600_000 };
const settings = { ...clinic, queue, sessionTimeoutMs: 3_600_000 };
const queueActor = 'q_1';
const consented = { status: 'given', at: noon, noticeVersion: '1', eventId: 'e', by: 'text' };
const carried = { consent: consented, name: 'Ana Souza', locale: 'pt-BR', localeBy: 'tenant' };

interface Actor {
  readonly machine: AnyStateMachine;
  readonly start: { readonly settings: unknown; readonly carried?: unknown };
  folded: Folded | undefined;
  readonly timers: Map<string, { readonly dueAt: number; readonly event: { readonly type: string } }>;
}

/** Some conversations of one tenant and their queue, with one clock. */
class Together {
  at = noon;
  /** Positions that persons were told, and when. */
  readonly said: { readonly ticket: string; readonly at: number; readonly text: string }[] = [];
  /** Tickets in the order in which they were told to wait, and in which position each was told. */
  readonly places: { readonly ticket: string; readonly position: number }[] = [];
  readonly #actors = new Map<string, Actor>();
  #told = 0;

  constructor(count: number) {
    for (let i = 0; i < count; i += 1)
      this.#actors.set(`c_${i.toString()}`, this.#actor(conversationMachine, { settings, carried }));
    this.#actors.set(queueActor, this.#actor(serviceQueueMachine, { settings: {} }));
  }

  #actor(machine: AnyStateMachine, start: Actor['start']): Actor {
    return { machine, start, folded: undefined, timers: new Map() };
  }

  tell(name: string, event: Untold): void {
    this.at += 100;
    const queued: [string, Untold][] = [[name, event]];
    for (let next = queued.shift(); next !== undefined; next = queued.shift()) queued.push(...this.#tellOne(...next));
  }

  #tellOne(name: string, untold: Untold): [string, Untold][] {
    const actor = this.#actors.get(name);
    if (actor === undefined) throw new Error(`no actor ${name}`);
    const event = { ...untold, at: this.at, eventId: `e${(this.#told += 1).toString()}` };
    let { folded } = actor;
    if (folded === undefined || folded.snapshot.status === 'done') {
      // What begins an episode, as the host has it.
      if (name !== queueActor && !untold.type.startsWith('message.re') && untold['operation'] !== 'takeover') return [];
      const output = folded === undefined ? {} : { carried: folded.snapshot.output };
      folded = begin(actor.machine, { ...actor.start, ...output }, this.at);
      actor.timers.clear();
    }
    folded = tell(actor.machine, folded, event, actor.start);
    actor.folded = folded;
    this.#keepTimers(actor, folded.actions);
    const { ticket } = (folded.snapshot.context as Partial<ConversationContext>).attendance ?? {};
    for (const { content } of paramsOf(folded.actions, 'reply'))
      if (content.kind === 'buttons' && content.buttons.some(({ id }) => id === 'queue.leave'))
        this.said.push({ ticket: ticket ?? '', at: this.at, text: content.text });
    return paramsOf(folded.actions, 'tell').map(({ to, name: type, details }) => {
      if (type === 'queue.position')
        this.places.push({ ticket: String(details['ticket']), position: Number(details['position']) });
      const texts = Object.fromEntries(Object.entries(details).map(([key, value]) => [key, String(value)]));
      return [typeof to === 'string' ? to : queueActor, { ...texts, type, from: name }];
    });
  }

  #keepTimers({ timers, folded }: Actor, actions: readonly FoldedAction[]): void {
    for (const { type, params } of actions) {
      if (type === 'xstate.cancel') timers.delete((params as { sendId: string }).sendId);
      if (type !== 'xstate.raise') continue;
      const { id, delay, event } = params as { id: string; delay?: number; event: { type: string } };
      if (delay !== undefined) timers.set(id, { dueAt: this.at + delay, event });
    }
    if (folded?.snapshot.status === 'done') timers.clear();
  }

  /** Time goes by; timers fire when they are due, in order. */
  pass(ms: number): void {
    const until = this.at + ms;
    for (;;) {
      const due = [...this.#actors]
        .flatMap(([name, { timers }]) => [...timers].map(([id, timer]) => ({ name, id, ...timer })))
        .sort((a, b) => a.dueAt - b.dueAt)[0];
      if (due === undefined || due.dueAt > until) break;
      this.#actors.get(due.name)?.timers.delete(due.id);
      this.at = Math.max(this.at, due.dueAt - 100);
      this.tell(due.name, due.event);
    }
    this.at = Math.max(this.at, until);
  }

  get queue(): ServiceQueueContext | undefined {
    return this.#actors.get(queueActor)?.folded?.snapshot.context as ServiceQueueContext | undefined;
  }

  stateOf(name: string): string {
    return JSON.stringify(this.#actors.get(name)?.folded?.snapshot.value ?? null);
  }
}

const count = 6;
const anyStep = fc.record({
  who: fc.integer({ min: 0, max: count - 1 }).map((i) => `c_${i.toString()}`),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant(says('falar com atendente')) },
    {
      weight: 5,
      arbitrary: fc.constant<Untold>({ type: 'attendance.requested', operation: 'takeover', attendant: 'k_1' }),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Untold>(
        { type: 'attendance.requested', operation: 'handback', attendant: 'k_1' },
        { type: 'message.echoed', source: 'app' },
        requests('m_1', 'operator'),
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...['oi', 'sair da fila', 'menu', 'English', 'PARAR', 'tem alguém aí?'].map(says),
        presses('queue.leave', 'Sair da fila'),
      ),
    },
  ),
  then: fc.oneof({ weight: 4, arbitrary: fc.nat(30_000) }, { weight: 1, arbitrary: fc.nat(1_800_000) }),
});
const anyCourse = fc.array(anyStep, { minLength: 20, maxLength: 50 });

/** Plays a course, and looks after every step. */
function play(
  course: typeof anyCourse extends fc.Arbitrary<infer Value> ? Value : never,
  look: (all: Together) => void,
) {
  const all = new Together(count);
  for (const { who, what, then } of course) {
    all.tell(who, what);
    look(all);
    all.pass(then);
    look(all);
  }
  return all;
}

const inQueue = /queued|granting|joining|attended/u;

describe('conversations and their queue', () => {
  it(
    'tell nobody a position twice within a minute',
    () => {
      let positions = 0;
      fc.assert(
        fc.property(anyCourse, (course) => {
          const { said } = play(course, () => undefined);
          positions += said.length;
          for (const told of Map.groupBy(said, ({ ticket }) => ticket).values()) {
            const apart = told.slice(1).map(({ at }, i) => at - (told[i]?.at ?? 0));
            expect(Math.min(positionPauseMs, ...apart)).toBe(positionPauseMs);
            expect(new Set(told.map(({ text }) => /\*.*?\*/u.exec(text)?.[0])).size).toBe(told.length);
          }
        }),
        { numRuns: runs },
      );
      expect(positions).toBeGreaterThan(runs);
    },
    timeoutMs,
  );

  it(
    'give attendants no more than the capacity, and let no more wait than fit',
    () => {
      let busiest = 0;
      fc.assert(
        fc.property(anyCourse, (course) => {
          play(course, ({ queue: now }) => {
            busiest = Math.max(busiest, now?.attended.length ?? 0);
            expect(now?.attended.length ?? 0).toBeLessThanOrEqual(capacity);
            expect(now?.waiting.length ?? 0).toBeLessThanOrEqual(waitingMax);
          });
        }),
        { numRuns: runs },
      );
      expect(busiest).toBe(capacity);
    },
    timeoutMs,
  );

  it(
    'keep the order of arrival: a position never grows',
    () => {
      fc.assert(
        fc.property(anyCourse, (course) => {
          const { places } = play(course, ({ queue: now }) => {
            const arrivals = (now?.waiting ?? []).map(({ since }) => since);
            expect(arrivals).toEqual([...arrivals].sort((a, b) => a - b));
          });
          for (const told of Map.groupBy(places, ({ ticket }) => ticket).values()) {
            const positions = told.map(({ position }) => position);
            expect(positions).toEqual([...positions].sort((a, b) => b - a));
          }
        }),
        { numRuns: runs },
      );
    },
    timeoutMs,
  );

  it(
    'agree on who waits and who is attended',
    () => {
      fc.assert(
        fc.property(anyCourse, (course) => {
          play(course, (all) => {
            const places = [...(all.queue?.waiting ?? []), ...(all.queue?.attended ?? [])];
            for (const { conversation } of places) expect(all.stateOf(conversation)).toMatch(inQueue);
            const queued = Array.from({ length: count }, (_, i) => `c_${i.toString()}`).filter((name) =>
              /queued|granting/u.test(all.stateOf(name)),
            );
            expect(queued.sort()).toEqual((all.queue?.waiting ?? []).map(({ conversation }) => conversation).sort());
          });
        }),
        { numRuns: runs },
      );
    },
    timeoutMs,
  );
});
