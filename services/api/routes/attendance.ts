/** People who attend: who waits for one, and taking a conversation over from the machine and handing it back. */
import { z } from 'zod';

import { stateText } from '#runtime/actor/envelope.ts';
import { Problem } from '#runtime/http.ts';
import { newUlid, outgoing, uncaused } from '#runtime/records.ts';

import type { ApiKey } from '../api-keys.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { readPlace, readServiceQueues, shownMax } from '../service-queues.ts';
import { idParams, listOf, time } from '../shapes.ts';

const serviceQueue = z
  .object({
    name: z.string(),
    isOffered: z
      .boolean()
      .describe('Whether the configuration names it; another is shown for as long as somebody is in it'),
    capacity: z.number().describe('How many conversations attendants have at a time'),
    waitingMax: z.number().describe('How many may wait'),
    waitingCount: z.number(),
    waiting: z
      .array(z.object({ conversationId: z.string(), position: z.number(), since: time }))
      .describe(`In order of arrival, the first ${shownMax}`),
    attended: z
      .array(z.object({ conversationId: z.string(), attendant: z.string().describe('Id of the API key'), since: time }))
      .describe('Who was taken out of the queue'),
    estimateMinutes: z.number().describe('How long somebody would wait who joins now, about'),
  })
  .meta({ id: 'ServiceQueue', description: 'People who wait for people.' });

const example: z.input<typeof serviceQueue> = {
  name: 'recepcao',
  isOffered: true,
  capacity: 2,
  waitingMax: 30,
  waitingCount: 1,
  waiting: [{ conversationId: exampleIds.conversation, position: 1, since: '2026-11-21T02:14:02.118Z' }],
  attended: [],
  estimateMinutes: 0,
};

const at = (ms: number): string => new Date(ms).toISOString();

/** What the machine has in the way of a takeover, where it has the conversation's consent and queue. */
interface Seen {
  readonly consent?: { readonly status?: string };
}

/** The routes of attendance. */
export function attendanceRoutes({ runtime, actors, access }: ApiContext): readonly Route[] {
  /** Asks; the record decides. Throws `Problem` 404. */
  const ask = async (key: ApiKey, id: string, operation: 'takeover' | 'handback'): Promise<{ eventId: string }> => {
    const now = runtime.now();
    const eventId = newUlid(now);
    await access.record(key, [{ actor: id, action: `attendance.${operation}-requested`, subject: eventId }]);
    await runtime.log.append([
      outgoing({
        ...uncaused(key.tenant, id, eventId, now, await runtime.tenants.currentRevision(key.tenant)),
        type: 'attendance.requested',
        operation,
        requestedBy: key.id,
      }),
    ]);
    return { eventId };
  };

  /** A conversation whose person was erased hears nothing more: its place is given up for it. */
  const freePlace = async (tenant: string, conversation: string, causationId: string): Promise<void> => {
    if ((await actors.read(tenant, conversation)).envelope !== undefined) return;
    const place = await readPlace(runtime, actors, { tenant, conversation });
    if (place === undefined) return;
    const now = runtime.now();
    const header = uncaused(tenant, place.queue, newUlid(now), now, await runtime.tenants.currentRevision(tenant));
    const told = {
      type: 'actor.told',
      from: conversation,
      name: 'queue.left',
      details: { ticket: place.ticket },
    } as const;
    await runtime.log.append([outgoing({ ...header, causationId, ...told })]);
  };

  const requireConversation = async (tenant: string, id: string): Promise<void> => {
    const entry = await runtime.directory.read(tenant, id);
    if (entry === undefined || entry.group) throw notFound();
  };

  /** Says at once what the record would come to, as far as it can be seen. */
  const requirePossible = async (tenant: string, id: string): Promise<void> => {
    const episode = (await actors.read(tenant, id)).envelope?.episode;
    if (episode == null) return;
    const { consent } = episode.snapshot.context as Seen;
    if (consent?.status === 'refused' || consent?.status === 'withdrawn')
      throw new Problem(409, 'consent-refused', 'The person does not want to be written to.');
    if (stateText(episode.snapshot.value) !== 'waitingForPerson.waiting.queued') return;
    if ((await readPlace(runtime, actors, { tenant, conversation: id }))?.hasRoom === false)
      throw new Problem(409, 'queue-at-capacity', 'The attendants have as many conversations as they may.');
  };

  return [
    defineRoute({
      name: 'conversations.takeover',
      method: 'POST',
      path: '/v1/conversations/:id/takeover',
      summary: 'Takes a conversation over from the machine',
      description:
        'From then on the machine is silent, but for somebody who writes PARAR, until the conversation is handed back or the attendant is silent for too long. Also for a conversation that waits in no queue. The attendant writes by `POST /v1/messages` with `origin` `operator`. Who writes on the phone of the account takes over as well.',
      params: idParams,
      status: 202,
      response: z.object({ eventId: z.string() }),
      problems: ['consent-refused', 'queue-at-capacity'],
      example: { params: { id: exampleIds.conversation }, answer: { eventId: exampleIds.event } },
      async handler({ key, params: { id } }) {
        await requireConversation(key.tenant, id);
        await requirePossible(key.tenant, id);
        return ask(key, id, 'takeover');
      },
    }),

    defineRoute({
      name: 'conversations.handback',
      method: 'POST',
      path: '/v1/conversations/:id/handback',
      summary: 'Hands a conversation back to the machine',
      description: 'The person is told so. Of a conversation that nobody has taken over it changes nothing.',
      params: idParams,
      status: 202,
      response: z.object({ eventId: z.string() }),
      example: { params: { id: exampleIds.conversation }, answer: { eventId: exampleIds.event } },
      async handler({ key, params: { id } }) {
        await requireConversation(key.tenant, id);
        const asked = await ask(key, id, 'handback');
        await freePlace(key.tenant, id, asked.eventId);
        return asked;
      },
    }),

    defineRoute({
      name: 'service-queues.list',
      method: 'GET',
      path: '/v1/service-queues',
      summary: 'People who wait for people',
      description:
        'The queue that the configuration names, and those that an earlier one named as long as people wait in them or are attended.',
      status: 200,
      response: listOf(serviceQueue),
      example: { answer: { items: [example], next: null } },
      async handler({ key }) {
        const queues = await readServiceQueues(runtime, actors, key.tenant);
        const items = queues.map((queue) => ({
          ...queue,
          waiting: queue.waiting.map((one) => ({ ...one, since: at(one.since) })),
          attended: queue.attended.map((one) => ({ ...one, since: at(one.since) })),
        }));
        return { items, next: null };
      },
    }),
  ];
}
