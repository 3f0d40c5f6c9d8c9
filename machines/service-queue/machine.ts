/**
 * A service queue of a tenant: conversations that wait for a person, in order of arrival, and those that
 * attendants have.
 *
 *   ┌─────────┐  somebody waits   ┌─────────┐  nobody waits, nobody is attended   ┌────────┐
 *   │ opening │──────────────────►│ serving │────────────────────────────────────►│ closed │ (final)
 *   └─────────┘                   └─────────┘                                     └────────┘
 *
 * Q1 Positions are by arrival. Attendants may take anybody who waits; nobody overtakes another.
 * Q2 No more conversations are given to attendants than `capacity`, and no more wait than `waitingMax`.
 * Q3 A conversation is known by its ticket, the id of the record by which it joined: what is told late of an earlier
 *    wait changes nothing, and one whose conversation was merged into another still leaves.
 * Q4 A conversation is told its position when it changed; how often the person is, the conversation decides.
 *
 * What is in force (capacity and so on) comes with each conversation that joins, the newest settings count: a queue
 * may be busy for weeks, and takes a new version of this machine only when it begins anew.
 */
import { assign, enqueueActions, setup } from 'xstate';
import type { ActionParams, QueueEvent } from '#machines/machine.ts';
import {
  type ServiceQueueContext,
  type ServiceQueueInput,
  type ServiceQueueOutput,
  contextOf,
  forgotten,
  hasRoom,
  moved,
  waitMinutesOf,
  withTerms,
  without,
} from './context.ts';

/** Rule of versions: see `machines/registry.ts`. */
export const serviceQueueVersion = '1';

type Joined = QueueEvent & { readonly type: 'queue.joined' };
type Takeover = QueueEvent & { readonly type: 'queue.takeover' };

/** Every event has the time of its record: the host adds it. */
const atOf = (event: unknown): number => (event as { readonly at: number }).at;

/** How often it looks for whom nothing was heard of. */
const lookEveryMs = 6 * 3_600_000;

const isAttended = ({ attended }: ServiceQueueContext, { ticket }: QueueEvent): boolean =>
  attended.some((one) => one.ticket === ticket);
const knows = (context: ServiceQueueContext, event: QueueEvent): boolean =>
  isAttended(context, event) || context.waiting.some(({ ticket }) => ticket === event.ticket);

/** A conversation waits once: its newest ticket counts. */
const others = <Place extends { readonly conversation: string }>(places: readonly Place[], { from }: QueueEvent) =>
  places.filter(({ conversation }) => conversation !== from);

function isFull(context: ServiceQueueContext, event: Joined): boolean {
  const { waiting, terms } = withTerms(context, event);
  return !knows(context, event) && others(waiting, event).length >= terms.waitingMax;
}

function joining(context: ServiceQueueContext, event: Joined): ServiceQueueContext {
  const known = withTerms(context, event);
  if (knows(known, event)) {
    // Asked again: told again.
    const waiting = known.waiting.map((one) => (one.ticket === event.ticket ? { ...one, told: 0 } : one));
    return { ...known, waiting };
  }
  const joined = { ticket: event.ticket, conversation: event.from, since: event.at, told: 0 };
  return { ...known, waiting: [...others(known.waiting, event), joined], attended: others(known.attended, event) };
}

function giving(context: ServiceQueueContext, event: Takeover): ServiceQueueContext {
  const { ticket, from, attendant, at } = event;
  const since = context.attended.find((one) => one.ticket === ticket)?.since ?? at;
  const { waiting, attended } = without(context, ticket, at);
  return { ...context, waiting, attended: [...attended, { ticket, conversation: from, since, attendant }] };
}

const setupQueue = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's idiom: the assertion carries the types
  types: {} as {
    context: ServiceQueueContext;
    events: QueueEvent;
    input: ServiceQueueInput | undefined;
    output: ServiceQueueOutput;
  },
  actions: {
    // Declared for the host, which turns them into records; nothing happens here.
    tell: (_: unknown, _params: ActionParams['tell']) => undefined,
    audit: (_: unknown, _params: ActionParams['audit']) => undefined,
    /** Tells everybody whose position has changed, and remembers it. */
    tellPositions: enqueueActions(({ context, enqueue }) => {
      const places = moved(context);
      for (const [position, { conversation, ticket }] of places) {
        const details = { ticket, position, minutes: waitMinutesOf(context, position) };
        enqueue({ type: 'tell', params: { to: conversation, name: 'queue.position', details } });
      }
      enqueue.assign({
        waiting: context.waiting.map((one, index) => (places.has(index + 1) ? { ...one, told: index + 1 } : one)),
      });
    }),
    /** Lets those go of whom nothing was heard for too long. */
    forget: enqueueActions(({ context, event, enqueue }) => {
      for (const { conversation, ticket } of forgotten(context, atOf(event))) {
        enqueue({ type: 'tell', params: { to: conversation, name: 'queue.forgot', details: { ticket } } });
        enqueue({ type: 'audit', params: { type: 'queue.forgot', subject: conversation } });
      }
      const gone = new Set(forgotten(context, atOf(event)).map(({ ticket }) => ticket));
      enqueue.assign({
        waiting: context.waiting.filter(({ ticket }) => !gone.has(ticket)),
        attended: context.attended.filter(({ ticket }) => !gone.has(ticket)),
      });
    }),
  },
  guards: {
    hasBegun: ({ event }) => (event as { readonly type: string }).type !== 'xstate.init',
    isEmpty: ({ context }) => context.waiting.length === 0 && context.attended.length === 0,
    mayAttend: ({ context, event }) => hasRoom(context) || isAttended(context, event),
  },
  delays: { lookEvery: lookEveryMs },
});

/** Tells the one that asked. */
const answer = (name: string, details: (event: QueueEvent) => ActionParams['tell']['details'] = () => ({})) =>
  ({
    type: 'tell',
    params: ({ event }: { readonly event: QueueEvent }) => ({
      to: event.from,
      name,
      details: { ticket: event.ticket, ...details(event) },
    }),
  }) as const;

const attendantIn = (event: QueueEvent): string => (event.type === 'queue.takeover' ? event.attendant : '');

/** Refuses an attendant. */
const refuse = (reason: string) => answer('queue.refused', (event) => ({ attendant: attendantIn(event), reason }));

/** An audit event about the conversation that asked. */
const audits = (type: string) =>
  ({
    type: 'audit',
    params: ({ event }: { readonly event: QueueEvent }) => ({ type, subject: event.from }),
  }) as const;

/** The machine; pure, see `machines/README.md`. */
export const serviceQueueMachine = setupQueue.createMachine({
  id: 'service-queue',
  version: serviceQueueVersion,
  context: ({ input }) => contextOf(input),
  output: ({ context: { latestMs } }) => ({ latestMs }),
  initial: 'opening',
  on: {
    'queue.joined': [
      {
        guard: ({ context, event }) => isFull(context, event),
        actions: [
          assign(({ context, event }) => withTerms(context, event)),
          answer('queue.full'),
          audits('queue.full'),
        ],
      },
      { actions: [assign(({ context, event }) => joining(context, event)), 'tellPositions'] },
    ],
    'queue.left': {
      actions: [assign(({ context, event }) => without(context, event.ticket, event.at)), 'tellPositions'],
    },
    'queue.takeover': [
      { guard: ({ context, event }) => !knows(context, event), actions: refuse('unknown') },
      {
        guard: 'mayAttend',
        actions: [
          assign(({ context, event }) => giving(context, event)),
          answer('queue.granted', (event) => ({ attendant: attendantIn(event) })),
          audits('queue.granted'),
          'tellPositions',
        ],
      },
      { actions: [refuse('capacity'), audits('queue.at-capacity')] },
    ],
  },
  states: {
    opening: { always: { guard: 'hasBegun', target: 'serving' } },
    serving: {
      always: { guard: 'isEmpty', target: 'closed' },
      after: { lookEvery: { target: 'serving', reenter: true, actions: ['forget', 'tellPositions'] } },
    },
    closed: { type: 'final' },
  },
});
