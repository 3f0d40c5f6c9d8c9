/** The handlers of what conversations ask of the calendar (`machines/conversation/asks.ts`). */
import type { Appointment, Asks } from '#machines/conversation/asks.ts';
import { type Service, wordedIn } from '#machines/conversation/agent-settings.ts';
import { type ConversationSettings, conversationSettingsDefaults } from '#machines/conversation/settings.ts';
import { schedulingDefaults } from '#machines/scheduling/settings.ts';
import type { Booking, Calendar } from '#runtime/calendar/calendar.ts';
import { CalendarFailure } from '#runtime/calendar/outside-calendar.ts';
import { personsOf } from '#runtime/directory/persons.ts';
import { OperatingError } from '#runtime/errors.ts';
import { derivedId } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type EffectCall, EffectFailure, type EffectHandler } from '../handler.ts';
import type { OpenHandlers } from '../handlers.ts';
import { agentSettingsOf } from '../model/asker.ts';
import { type Desk, alternativesTo, freeTimes, isOffered, placeAt } from './desk.ts';
import { minutes } from './opening-hours.ts';

/** Sources that are answered here. */
type CalendarSource = Extract<keyof Asks, `calendar.${string}`>;
type Run<Source extends CalendarSource> = (input: Asks[Source][0], call: EffectCall) => Promise<Asks[Source][1]>;

/** What the handlers work with. */
export interface CalendarHandlerParts {
  readonly runtime: Pick<Runtime, 'database' | 'now' | 'tenants'>;
  readonly calendar: Calendar;
}

/** A person waits for most of these; all are named by us, so that they can be repeated. */
const bounds = {
  ask: { timeoutMs: 30_000, retryDelaysMs: [0, 1_000, 3_000], concurrency: 32, repeatable: true },
  write: { timeoutMs: 30_000, retryDelaysMs: [0, 1_000, 3_000, 8_000], concurrency: 32, repeatable: true },
  release: { timeoutMs: 30_000, retryDelaysMs: [0, 5_000, 30_000], concurrency: 8, repeatable: true },
} as const;

const slotsMax = 100;
const listedMax = 50;

/** Handlers of the calendar, which they close. */
export function openCalendarHandlers(runtime: Runtime, calendar: Calendar): OpenHandlers {
  return { handlers: calendarHandlers({ runtime, calendar }), close: () => calendar.close() };
}

/** Makes the handlers, by source. */
export function calendarHandlers({ runtime, calendar }: CalendarHandlerParts): ReadonlyMap<string, EffectHandler> {
  const deskOf = async (call: EffectCall): Promise<Desk & { readonly settings: ConversationSettings }> => {
    const settings = { ...conversationSettingsDefaults, ...(await agentSettingsOf(runtime.tenants, call)) };
    const { scheduling, timeZone } = settings;
    if (scheduling === undefined) throw new EffectFailure('scheduling.not-configured');
    const { tenant, actor: conversation } = call;
    return { settings, calendar, tenant, scheduling, timeZone, at: runtime.now(), conversation };
  };

  const personsIn = async ({ tenant, actor }: EffectCall) => {
    const persons = await personsOf(runtime.database, tenant, actor);
    if (persons === undefined) throw new EffectFailure('conversation.unknown');
    return persons;
  };

  const runs: { readonly [Source in CalendarSource]: Run<Source> } = {
    async 'calendar.find'({ service: id, ...asked }, call) {
      const desk = await deskOf(call);
      return freeTimes(desk, serviceIn(desk, id), { ...asked, max: Math.min(asked.max, slotsMax) });
    },

    async 'calendar.hold'({ service: id, start, moving }, call) {
      const desk = await deskOf(call);
      const service = serviceIn(desk, id);
      const persons = await personsIn(call);
      const { at, tenant, scheduling, conversation } = desk;
      const wanted = {
        id: derivedId('ap', tenant, call.effectId),
        place: placeAt(desk, service),
        service: id,
        start,
        end: start + minutes(service.durationMinutes),
        persons,
        conversation,
        moving,
        until: at + minutes(scheduling.holdMinutes ?? schedulingDefaults.holdMinutes),
        replaces: true,
      };
      const held = isOffered(desk, service, start) ? await calendar.hold(wanted, at) : undefined;
      if (held !== undefined) return { outcome: 'held', hold: held.id, until: held.heldUntil ?? wanted.until };
      return { outcome: 'taken', alternatives: await alternativesTo(desk, service, start, moving) };
    },

    async 'calendar.book'({ hold, name, moving }, call) {
      const desk = await deskOf(call);
      const persons = await personsIn(call);
      const { tenant, at } = desk;
      const held = await calendar.read(tenant, hold);
      const own = held !== undefined && persons.includes(held.person) ? held : undefined;
      const service = desk.scheduling.services.find((one) => one.id === own?.service);
      const title = service === undefined ? (own?.service ?? '') : wordedIn(service.name, desk.settings.locale);
      const booked = await calendar.book({ tenant, hold, persons, name, title, at });
      if (booked !== undefined) return { outcome: 'booked', appointment: appointmentOf(booked) };
      if (own === undefined || service === undefined) return { outcome: 'taken', alternatives: [] };
      return { outcome: 'taken', alternatives: await alternativesTo(desk, service, own.start, moving) };
    },

    async 'calendar.release'({ hold }, call) {
      await calendar.release({ tenant: call.tenant, hold, persons: await personsIn(call) }, runtime.now());
      return {};
    },

    async 'calendar.list'({ max }, call) {
      const listed = await calendar.upcoming(
        call.tenant,
        await personsIn(call),
        runtime.now(),
        Math.min(max, listedMax),
      );
      return { appointments: listed.map(appointmentOf) };
    },

    async 'calendar.cancel'({ appointment: id }, call) {
      const persons = await personsIn(call);
      const order = { tenant: call.tenant, id, persons, by: call.effectId, at: runtime.now() };
      return { outcome: await calendar.cancel(order) };
    },
  };

  const handler = <Source extends CalendarSource>(source: Source, bound: Omit<EffectHandler, 'run'>) =>
    [
      source,
      { ...bound, run: (call) => runs[source](call.input as Asks[Source][0], call).catch(asEffectFailure) },
    ] as readonly [string, EffectHandler];
  return new Map([
    handler('calendar.find', bounds.ask),
    handler('calendar.hold', bounds.write),
    handler('calendar.book', bounds.write),
    handler('calendar.release', bounds.release),
    handler('calendar.list', bounds.ask),
    handler('calendar.cancel', bounds.write),
  ]);
}

function serviceIn({ scheduling }: Desk, id: string): Service {
  const service = scheduling.services.find((one) => one.id === id);
  if (service === undefined) throw new EffectFailure('service.unknown');
  return service;
}

const appointmentOf = ({ id, service, start, end }: Booking): Appointment => ({ id, service, start, end });

/** What the calendar throws, as the runner takes it. */
function asEffectFailure(caught: unknown): never {
  if (caught instanceof CalendarFailure) {
    const { code, retry, afterMs } = caught;
    throw new EffectFailure(code, { retry, ...(afterMs === undefined ? {} : { afterMs }) });
  }
  if (caught instanceof OperatingError && caught.code === 'vault.key-erased') throw new EffectFailure('person.erased');
  throw caught;
}
