/** Conversations that turned out to be one chat, or turned out not to be. */
import { z } from 'zod';

import { isElder } from '#runtime/actor/merge.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import { Problem } from '#runtime/http.ts';
import { newUlid, outgoing, uncaused } from '#runtime/records.ts';
import type { MergeRequested, MergeUndone } from '#schemas/records.ts';

import type { ApiKey } from '../api-keys.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { idParams } from '../shapes.ts';

type Asked = Pick<MergeRequested, 'type' | 'into' | 'requestedBy'> | Pick<MergeUndone, 'type' | 'requestedBy'>;

/** The routes of merges. */
export function mergeRoutes({ runtime, access }: ApiContext): readonly Route[] {
  const entryOf = async (tenant: string, id: string): Promise<ConversationEntry> => {
    const entry = await runtime.directory.read(tenant, id);
    if (entry === undefined) throw notFound();
    return entry;
  };

  /** Puts what is asked of a conversation on its log. */
  const ask = async (key: ApiKey, actor: string, action: string, asked: Asked): Promise<string> => {
    const at = runtime.now();
    const eventId = newUlid(at);
    await access.record(key, [{ actor, action, subject: eventId }]);
    const header = uncaused(key.tenant, actor, eventId, at, await runtime.tenants.currentRevision(key.tenant));
    await runtime.log.append([outgoing({ ...header, ...asked })]);
    return eventId;
  };

  return [
    defineRoute({
      name: 'conversations.merge',
      method: 'POST',
      path: '/v1/conversations/:id/merge',
      summary: 'Says that two conversations are one chat',
      description:
        'Of one person with two addresses that no event ever named together. The younger goes on in the elder: with the state of the one that was written to last, and whatever still arrives for it is forwarded. Events that name both addresses merge them without this.',
      params: idParams,
      body: z.strictObject({ with: z.string().min(1).max(128).describe('The other conversation, of the same line') }),
      status: 202,
      response: z.object({ eventId: z.string(), from: z.string(), into: z.string() }),
      problems: ['not-found', 'merge-impossible'],
      example: {
        params: { id: exampleIds.conversation },
        body: { with: exampleIds.twin },
        answer: { eventId: exampleIds.event, from: exampleIds.twin, into: exampleIds.conversation },
      },
      async handler({ key, params, body }) {
        const one = await entryOf(key.tenant, params.id);
        const other = await entryOf(key.tenant, body.with);
        if (one.conversation === other.conversation || one.line !== other.line || one.group || other.group) {
          throw new Problem(409, 'merge-impossible', 'Only two direct chats of one line can be one chat.');
        }
        const [elder, younger] = isElder(one.conversation, other.conversation) ? [one, other] : [other, one];
        const eventId = await ask(key, younger.conversation, 'conversation.merge-requested', {
          type: 'merge.requested',
          into: elder.conversation,
          requestedBy: key.id,
        });
        return { eventId, from: younger.conversation, into: elder.conversation };
      },
    }),

    defineRoute({
      name: 'conversations.unmerge',
      method: 'POST',
      path: '/v1/conversations/:id/unmerge',
      summary: 'Says that a merged conversation is a chat of its own',
      description:
        'It goes on from where it was when it was merged, its addresses lead to it again, and no event merges it anew. Of a conversation that was not merged it only says that none shall.',
      params: idParams,
      status: 202,
      response: z.object({ eventId: z.string() }),
      example: { params: { id: exampleIds.conversation }, answer: { eventId: exampleIds.event } },
      async handler({ key, params }) {
        const { conversation } = await entryOf(key.tenant, params.id);
        const asked = { type: 'merge.undone', requestedBy: key.id } as const;
        return { eventId: await ask(key, conversation, 'conversation.unmerge-requested', asked) };
      },
    }),
  ];
}
