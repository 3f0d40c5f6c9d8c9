/** A person is told what an operator did with their appointments: as a message of their conversation, in its language. */
import { sayDoneForYou } from '#machines/appointments/replies.ts';
import { type ConversationSettings, conversationSettingsDefaults } from '#machines/conversation/settings.ts';
import type { Booking } from '#runtime/calendar/calendar.ts';
import { Problem } from '#runtime/http.ts';

import type { ApiContext } from './deps.ts';
import { requestMessage } from './message-requests.ts';

/** What of a conversation's context says how it speaks; another machine may have none of it. */
interface Spoken {
  readonly locale?: string;
}

/**
 * Has the person told, once per appointment and deed: the id of the message; null where there is nobody who could be.
 * Whoever does not want to be written to is not: the machine refuses the message. Throws as `requestMessage` does.
 */
export async function tellDoneForYou(
  { runtime, actors }: Pick<ApiContext, 'runtime' | 'actors'>,
  tenant: string,
  done: 'booked' | 'cancelled',
  { id, service, start, conversation }: Pick<Booking, 'id' | 'service' | 'start' | 'conversation'>,
): Promise<string | null> {
  const entry = await runtime.directory.read(tenant, conversation);
  const { envelope } = await actors.read(tenant, conversation);
  // What is over is nobody's news.
  if (entry === undefined || entry.group || envelope?.instance == null || start <= runtime.now()) return null;
  const settings = await settingsOf(runtime, tenant);
  const { locale = settings.locale } = (envelope.episode?.snapshot.context ?? {}) as Spoken;
  const text = sayDoneForYou(done, { service, start }, { settings, locale });
  const idempotencyKey = `appointment/${id}/${done}`;
  const { instance } = envelope;
  try {
    const wanted = { tenant, entry, instance, content: { kind: 'text', text }, priority: 'normal' } as const;
    return (await requestMessage(runtime, { ...wanted, idempotencyKey })).id;
  } catch (caught) {
    // They were told already, in the words of then; or were erased.
    if (caught instanceof Problem) return null;
    throw caught;
  }
}

async function settingsOf({ tenants }: ApiContext['runtime'], tenant: string): Promise<ConversationSettings> {
  const configuration = await tenants.configuration(tenant, await tenants.currentRevision(tenant));
  const settings = configuration?.machines['conversation']?.settings as Partial<ConversationSettings> | undefined;
  return { ...conversationSettingsDefaults, ...settings };
}
