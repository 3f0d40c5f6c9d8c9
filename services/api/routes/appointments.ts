/** Appointments: what is booked, booking for somebody, cancelling. */
import { z } from 'zod';

import type { SchedulingSettings } from '#machines/conversation/agent-settings.ts';
import { serviceAccountShape } from '#runtime/calendar/adapters/google-token.ts';
import { openCalendarAccounts } from '#runtime/calendar/calendar-accounts.ts';
import type { Booking, Calendar } from '#runtime/calendar/calendar.ts';
import { CalendarFailure } from '#runtime/calendar/outside-calendar.ts';
import { placeOf } from '#runtime/calendar/places.ts';
import { openTenantCalendar } from '#runtime/calendar/tenant-calendar.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import { derivedId, newUlid } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { pageOf, placeOf as cursorPlace, placeOfTime, timeOfPlace, timePlace } from '../cursors.ts';
import { tellDoneForYou } from '../appointment-notices.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { seesPersonalData } from '../roles.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, filterText, idParams, idempotencyKey, instant, limit, listOf, time } from '../shapes.ts';

const appointment = z
  .object({
    id: z.string(),
    conversationId: z.string().describe('Where it was asked for'),
    personId: z.string(),
    service: z.string().describe('Its id in the settings of the conversation'),
    startsAt: time,
    endsAt: time,
    status: z.enum(['booked', 'cancelled']),
    sequence: z.number().int().describe('How often it was moved'),
    name: z.string().nullable().optional().describe('Who comes; only for roles that see personal data'),
    erased: z.literal(true).optional().describe('The key of the name was destroyed'),
  })
  .meta({ id: 'Appointment', description: 'A time that is booked, or was.' });

const example: z.input<typeof appointment> = {
  id: exampleIds.appointment,
  conversationId: exampleIds.conversation,
  personId: exampleIds.person,
  service: 'consulta',
  startsAt: '2126-11-25T11:00:00.000Z',
  endsAt: '2126-11-25T11:30:00.000Z',
  status: 'booked',
  sequence: 0,
  name: 'Maria Silva',
};

const toldBy = z.string().nullable().describe('The message that tells the person; null where nobody is told');

interface ListedRow {
  readonly id: string;
  readonly conversation: string;
  readonly person: string;
  readonly service: string;
  readonly starts_at: Date;
  readonly ends_at: Date;
  readonly status: 'booked' | 'cancelled';
  readonly sequence: number;
  readonly sealed: Buffer | null;
  readonly place: string;
}

/** By whom the API cancels: asked for again, it is the same. */
const byApi = 'api';
/** A hold here lives as long as its request. */
const holdMs = 60_000;
const retryAfterSeconds = 5;

/** The routes of appointments. */
export function appointmentRoutes({ runtime, access, actors }: ApiContext): readonly Route[] {
  // Opened by the first call: the documents are made without a runtime.
  let opened: Calendar | undefined;
  const calendar = (): Calendar => (opened ??= openTenantCalendar(runtime));

  const named = async (tenant: string, row: ListedRow, personal: boolean): Promise<z.input<typeof appointment>> => {
    const plain = {
      id: row.id,
      conversationId: row.conversation,
      personId: row.person,
      service: row.service,
      startsAt: row.starts_at.toISOString(),
      endsAt: row.ends_at.toISOString(),
      status: row.status,
      sequence: row.sequence,
    };
    if (!personal) return plain;
    const name = await calendar().nameOf(tenant, row);
    return name.state === 'open' ? { ...plain, name: name.value } : { ...plain, name: null, erased: true };
  };

  return [
    defineRoute({
      name: 'appointments.list',
      method: 'GET',
      path: '/v1/appointments',
      summary: 'Appointments that begin within an interval, earliest first',
      description:
        'Names are shown to roles that see personal data; each such page is audited. What somebody moves by hand in a calendar at Google is so here once the person’s appointments are read.',
      query: z.strictObject({
        from: instant.optional().describe('Beginning at this time or later; now, when nothing is said'),
        to: instant.optional().describe('Beginning before this time'),
        service: filterText.optional(),
        status: z.enum(['booked', 'cancelled']).default('booked'),
        limit,
        cursor,
      }),
      status: 200,
      response: listOf(appointment),
      example: {
        query: { from: '2026-11-21T00:00:00Z', limit: 20 },
        answer: { items: [example], next: null },
      },
      async handler({ key, query }) {
        const { tenant } = key;
        const after = cursorPlace(query.cursor, timePlace);
        const found = await runtime.database.query<ListedRow>(
          [tenant],
          `SELECT id, conversation, person, service, starts_at, ends_at, status, sequence, sealed, ${placeOfTime('starts_at')} AS place
           FROM appointments
           WHERE tenant = $1 AND sequence >= 0 AND status = $2 AND starts_at >= $3
             AND ($4::timestamptz IS NULL OR starts_at < $4) AND ($5::text IS NULL OR service = $5)
             AND ($6::bigint IS NULL OR (starts_at, id) > (${timeOfPlace('$6')}, $7))
           ORDER BY starts_at, id LIMIT $8`,
          [
            tenant,
            query.status,
            new Date(query.from ?? runtime.now()),
            query.to === undefined ? null : new Date(query.to),
            query.service ?? null,
            after?.[0] ?? null,
            after?.[1] ?? null,
            query.limit + 1,
          ],
        );
        const personal = seesPersonalData(key.role);
        const shown = found.rows.slice(0, query.limit);
        if (personal)
          await access.record(
            key,
            shown.map((row) => seen(row)),
          );
        const items = new Map<string, z.input<typeof appointment>>();
        for (const row of shown) items.set(row.id, await named(tenant, row, personal));
        const page = pageOf(
          found.rows,
          query.limit,
          (row) => row.id,
          ({ place, id }) => [Number(place), id],
        );
        return { ...page, items: page.items.flatMap((id) => items.get(id) ?? []) };
      },
    }),

    defineRoute({
      name: 'appointments.create',
      method: 'POST',
      path: '/v1/appointments',
      summary: 'Books a time for the person of a conversation',
      description:
        'Any time that is not taken: opening hours, notice and horizon bind persons, not operators. The person is told in the conversation, unless they do not want to be written to.',
      body: z.strictObject({
        conversationId: z.string().min(1).max(128),
        service: z.string().min(1).max(40).describe('Its id in the settings of the conversation'),
        startsAt: instant.describe('It lasts as long as its service'),
        name: z.string().trim().min(1).max(200).optional().describe('Who comes'),
        tellPerson: z.boolean().default(true),
        idempotencyKey,
      }),
      status: 201,
      response: appointment.extend({ messageId: toldBy }),
      problems: [
        'not-found',
        'scheduling-not-configured',
        'service-unknown',
        'time-taken',
        'idempotency-key-reused',
        'recipient-erased',
        'calendar-unavailable',
      ],
      example: {
        body: {
          conversationId: exampleIds.conversation,
          service: 'consulta',
          startsAt: '2126-11-25T11:00:00Z',
          name: 'Maria Silva',
          idempotencyKey: 'reception-4711',
        },
        answer: { ...example, messageId: exampleIds.message },
      },
      async handler({
        key,
        body: { conversationId, service: serviceId, startsAt: start, name = null, tellPerson, idempotencyKey: repeat },
      }) {
        const { tenant } = key;
        const entry = await runtime.directory.read(tenant, conversationId);
        if (entry === undefined) throw notFound();
        const { service, ...scheduling } = await serviceOf(runtime, tenant, serviceId);
        const at = runtime.now();
        const id = derivedId('ap', tenant, 'api', repeat ?? newUlid(at));
        await access.record(key, [{ actor: conversationId, action: 'appointment.booked', subject: id }]);
        const wanted = {
          id,
          place: placeOf(tenant, { service, ...scheduling }),
          service: serviceId,
          start,
          end: start + service.durationMinutes * 60_000,
          persons: [entry.person] as const,
          conversation: conversationId,
          moving: null,
          until: at + holdMs,
          replaces: false,
        };
        const title = typeof service.name === 'string' ? service.name : (Object.values(service.name)[0] ?? serviceId);
        const booked = await answered(async () => {
          const held = await calendar().hold(wanted, at);
          if (held !== undefined && (held.start !== start || held.service !== serviceId))
            throw new Problem(409, 'idempotency-key-reused', 'The idempotency key was used for another appointment.');
          return held && calendar().book({ tenant, hold: id, persons: [entry.person], name, title, at });
        });
        if (booked === undefined) throw new Problem(409, 'time-taken', 'The time is taken.');
        const messageId = tellPerson ? await tellDoneForYou({ runtime, actors }, tenant, 'booked', booked) : null;
        return { ...plainOf(booked), name, messageId };
      },
    }),

    defineRoute({
      name: 'appointments.cancel',
      method: 'DELETE',
      path: '/v1/appointments/:id',
      summary: 'Cancels an appointment',
      description:
        'The time is free again. The person is told in the conversation, unless they do not want to be written to.',
      params: idParams,
      query: z.strictObject({ tellPerson: z.enum(['true', 'false']).default('true') }),
      status: 200,
      response: z.object({ id: z.string(), messageId: toldBy }),
      problems: ['calendar-unavailable'],
      example: {
        params: { id: exampleIds.cancelledAppointment },
        answer: { id: exampleIds.cancelledAppointment, messageId: exampleIds.message },
      },
      async handler({ key, params: { id }, query: { tellPerson } }) {
        const { tenant } = key;
        const booking = await calendar().read(tenant, id);
        if (booking === undefined || (booking.status !== 'booked' && booking.cancelledBy !== byApi)) throw notFound();
        await access.record(key, [{ actor: booking.conversation, action: 'appointment.cancelled', subject: id }]);
        const order = { tenant, id, persons: null, by: byApi, at: runtime.now() };
        if ((await answered(() => calendar().cancel(order))) === 'gone') throw notFound();
        const tells = tellPerson === 'true';
        return {
          id,
          messageId: tells ? await tellDoneForYou({ runtime, actors }, tenant, 'cancelled', booking) : null,
        };
      },
    }),

    defineRoute({
      name: 'appointments.set-account',
      method: 'PUT',
      path: '/v1/calendar-credentials',
      summary: 'Sets the service account by which calendars at Google are reached',
      description:
        'Share the calendar with its address, with the right to change events. The key is kept sealed and never shown. What says where tokens are had is not used.',
      body: z.strictObject({ google: serviceAccountShape.describe('The file that Google gave') }),
      status: 200,
      response: z.object({ email: z.string().describe('With whom the calendar is to be shared') }),
      example: {
        body: {
          google: {
            client_email: 'prosa@clinic.iam.gserviceaccount.example',
            private_key: '(the private key as it stands in the file that Google gave)',
          },
        },
        answer: { email: 'prosa@clinic.iam.gserviceaccount.example' },
      },
      async handler({ key, body: { google } }) {
        await access.record(key, [{ actor: key.id, action: 'calendar.account-set' }]);
        await openCalendarAccounts(runtime, undefined).keep(key.tenant, google, runtime.now());
        return { email: google.client_email };
      },
    }),
  ];
}

const seen = ({ id, conversation }: ListedRow) => ({ actor: conversation, action: 'access.appointment', subject: id });

const plainOf = (booking: Booking) => ({
  id: booking.id,
  conversationId: booking.conversation,
  personId: booking.person,
  service: booking.service,
  startsAt: new Date(booking.start).toISOString(),
  endsAt: new Date(booking.end).toISOString(),
  status: 'booked' as const,
  sequence: booking.sequence,
});

/** A service of the tenant's and where its appointments are kept, as is in force now. */
async function serviceOf(runtime: Pick<Runtime, 'tenants'>, tenant: string, id: string) {
  const configuration = await runtime.tenants.configuration(tenant, await runtime.tenants.currentRevision(tenant));
  const { scheduling } = (configuration?.machines['conversation']?.settings ?? {}) as {
    readonly scheduling?: SchedulingSettings;
  };
  if (scheduling === undefined)
    throw new Problem(409, 'scheduling-not-configured', 'The tenant offers nothing that can be booked.');
  const service = scheduling.services.find((one) => one.id === id);
  if (service === undefined) throw new Problem(422, 'service-unknown', 'The tenant has no such service.');
  return { service, ...(scheduling.calendar === undefined ? {} : { calendar: scheduling.calendar }) };
}

/** What the calendar throws, as it is answered. */
async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    if (caught instanceof CalendarFailure)
      throw new Problem(502, 'calendar-unavailable', 'Google does not answer, or refuses.', retryAfterSeconds);
    if (caught instanceof OperatingError && caught.code === 'vault.key-erased')
      throw new Problem(410, 'recipient-erased', 'The person was erased: nothing more can be kept for them.');
    throw caught;
  }
}
