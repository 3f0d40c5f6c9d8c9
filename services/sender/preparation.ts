/**
 * What a delivery needs to be sent: its account, the person, an address that the account's provider reaches, the content
 * opened. Or why it can never be sent, or not now.
 *
 * Everything is read anew for each attempt: an account, an address and a person's keys may go while a message waits.
 */
import type { OutboundContent, SealedOutbound } from '#schemas/content.ts';

import { OperatingError } from '#runtime/errors.ts';
import type { Instance, Provider } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { ConfirmationFinder } from './confirmations.ts';
import type { ClaimedDelivery, Deliveries } from './deliveries.ts';
import type { ObjectionFinder } from './objections.ts';
import type { FileReader } from './outgoing-files.ts';
import type { AddressFinder, PersonFinder } from './people.ts';
import type { MessageProvider, OutboundMessage } from './ports/provider.ts';

/** What preparing needs. */
export interface PreparationParts {
  readonly runtime: Pick<Runtime, 'instances' | 'vault'>;
  readonly deliveries: Pick<Deliveries, 'isTaken'>;
  readonly providers: Readonly<Record<Provider, MessageProvider>>;
  readonly personOf: PersonFinder;
  readonly addressOf: AddressFinder;
  readonly confirmationOf: ConfirmationFinder;
  readonly readFile: FileReader;
  readonly objectionTo: ObjectionFinder;
}

/** A delivery that may be sent. */
export interface Prepared {
  readonly instance: Instance;
  readonly message: OutboundMessage;
}

/** What came of preparing one. */
export type Preparation =
  | ({ readonly state: 'ready' } & Prepared)
  /** It can never be sent. */
  | { readonly state: 'hopeless'; readonly code: string; readonly instance?: Instance }
  /** Its account does not exist, or no longer. */
  | { readonly state: 'accountless' }
  /** A part of ours is. */
  | { readonly state: 'away' };

/** Prepares deliveries. What is away is an answer, a defect is `hopeless`; both methods throw any other operating error. */
export interface Preparer {
  /** Whatever the person says by now: for what may have been sent already. */
  prepare(delivery: ClaimedDelivery): Promise<Preparation>;
  /** `hopeless` too where the person does not want it any more (C4 of courier.ts). */
  wanted(delivery: ClaimedDelivery): Promise<Preparation>;
}

/** Makes the preparer. */
export function createPreparer(
  parts: PreparationParts,
  logDefect: (delivery: ClaimedDelivery, error: unknown) => void,
): Preparer {
  const { deliveries, providers, personOf, addressOf } = parts;
  const { vault, instances } = parts.runtime;

  const contentOf = async (delivery: ClaimedDelivery): Promise<OutboundContent | { readonly code: string }> => {
    if (delivery.content === null) return { code: 'content.missing' };
    try {
      const opened = await vault.open<SealedOutbound>(sealedIn(delivery, 'reply.requested'), delivery.content);
      return opened.state === 'erased' ? { code: 'person.erased' } : opened.value.content;
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition === 'park') return { code: 'content.unreadable' };
      throw caught;
    }
  };

  const gather = async (delivery: ClaimedDelivery): Promise<Preparation> => {
    const { tenant, conversation, id } = delivery;
    const instance = await instances.read(tenant, delivery.instance);
    if (instance === undefined) return { state: 'accountless' };
    const hopeless = (code: string): Preparation => ({ state: 'hopeless', code, instance });
    const person = await personOf(tenant, conversation);
    if (person === undefined) return hopeless('conversation.unknown');
    const address = await addressOf(tenant, conversation, providers[instance.provider].reaches);
    // It may have others: of a provider that served the chat before, which this one has no form for.
    if (address === undefined) {
      const known = await addressOf(tenant, conversation);
      return hopeless(known === undefined ? 'address.unknown' : 'address.unsupported');
    }
    if (address.state === 'erased') return hopeless('person.erased');
    const content = await contentOf(delivery);
    if ('code' in content) return hopeless(content.code);
    const message: OutboundMessage = {
      deliveryId: id,
      conversation,
      person,
      chat: address.value,
      content,
      clientMessageId: delivery.clientMessageId,
      attempt: delivery.attempts,
      firstAttemptAt: delivery.firstClaimedAt,
      isTaken: (stableId) => deliveries.isTaken(tenant, vault.index(tenant, 'message-id', stableId), id),
      confirmed: () => parts.confirmationOf(delivery),
      readFile: (file) => parts.readFile(tenant, file),
    };
    return { state: 'ready', instance, message };
  };

  const prepare = async (delivery: ClaimedDelivery): Promise<Preparation> => {
    try {
      return await gather(delivery);
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition !== 'retry') throw caught;
      if (caught instanceof OperatingError) return { state: 'away' };
      logDefect(delivery, caught);
      return { state: 'hopeless', code: 'internal' };
    }
  };

  const wanted = async (delivery: ClaimedDelivery): Promise<Preparation> => {
    const prepared = await prepare(delivery);
    if (prepared.state !== 'ready') return prepared;
    try {
      const code = await parts.objectionTo(delivery);
      return code === undefined ? prepared : { state: 'hopeless', code, instance: prepared.instance };
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition === 'retry') return { state: 'away' };
      throw caught;
    }
  };

  return { prepare, wanted };
}

const sealedIn = (delivery: ClaimedDelivery, type: string) => ({
  tenant: delivery.tenant,
  actor: delivery.conversation,
  type,
  eventId: delivery.id,
});
