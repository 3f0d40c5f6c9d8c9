/** The handlers of what conversations ask of the participants (`machines/conversation/asks.ts`). */
import type { Asks } from '#machines/conversation/asks.ts';
import { personsOf } from '#runtime/directory/persons.ts';
import { OperatingError } from '#runtime/errors.ts';
import { type Participants, openParticipants } from '#runtime/participants/participants.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type EffectCall, EffectFailure, type EffectHandler } from '../handler.ts';
import type { OpenHandlers } from '../handlers.ts';

type Input<Source extends keyof Asks> = Asks[Source][0];
type Output<Source extends keyof Asks> = Promise<Asks[Source][1]>;

/** Postgres alone, and named by us. */
const bounds = { timeoutMs: 20_000, retryDelaysMs: [0, 1_000, 3_000], concurrency: 32, repeatable: true } as const;

/** Handlers of participants. */
export const openParticipantHandlers = (runtime: Runtime): OpenHandlers => ({
  handlers: participantHandlers({ runtime, participants: openParticipants(runtime) }),
  close: () => Promise.resolve(),
});

/** Makes the handlers, by source. */
export function participantHandlers({
  runtime,
  participants,
}: {
  readonly runtime: Pick<Runtime, 'database' | 'now'>;
  readonly participants: Participants;
}): ReadonlyMap<string, EffectHandler> {
  const personsIn = async ({ tenant, actor }: EffectCall) => {
    const persons = await personsOf(runtime.database, tenant, actor);
    if (persons === undefined) throw new EffectFailure('conversation.unknown');
    return persons;
  };

  const check = async (call: EffectCall): Output<'participants.check'> => {
    const { field, value } = call.input as Input<'participants.check'>;
    return { taken: await participants.isTaken(call.tenant, await personsIn(call), field, value) };
  };

  const save = async (call: EffectCall): Output<'participants.save'> => {
    const { registration: content } = call.input as Input<'participants.save'>;
    const { tenant, actor: conversation, effectId: by } = call;
    const persons = await personsIn(call);
    const saved = await participants
      .save({ tenant, persons, conversation, content, by, at: runtime.now() })
      .catch((caught: unknown) => {
        if (caught instanceof OperatingError && caught.code === 'vault.key-erased')
          throw new EffectFailure('person.erased');
        throw caught;
      });
    return 'taken' in saved ? { outcome: 'taken', field: saved.taken } : { outcome: 'saved', participant: saved.id };
  };

  return new Map([
    ['participants.check', { ...bounds, run: check }],
    ['participants.save', { ...bounds, run: save }],
  ]);
}
