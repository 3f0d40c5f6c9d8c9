/** Business rows as lines of text: what a task puts there before, and what there is afterwards. */
import { hash } from 'node:crypto';

import { openTenantCalendar } from '#runtime/calendar/tenant-calendar.ts';
import { placeOf } from '#runtime/calendar/places.ts';
import { openParticipants } from '#runtime/participants/participants.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { SchedulingSettings } from '#machines/conversation/agent-settings.ts';

import type { Installation } from './installation.ts';
import { type Rows, type Who, phones } from './task.ts';

const timeZone = 'America/Sao_Paulo';
const whos = Object.keys(phones) as readonly Who[];

/** Where rows are put and read. */
type Of = Pick<Installation, 'directory' | 'instanceOf' | 'runtime'>;

/** Puts the rows there that a task begins with, as earlier conversations would have. */
export async function putRows(
  of: Of,
  tenant: string,
  { appointments = [], participants = [] }: Rows,
  scheduling: SchedulingSettings | undefined,
): Promise<void> {
  const { runtime } = of;
  const at = runtime.now();
  const calendar = openTenantCalendar(runtime);
  for (const [index, line] of appointments.entries()) {
    const [, who, id, time] = /^(\w+): (\S+) (\d{4}-\d\d-\d\d \d\d:\d\d)$/.exec(line) ?? [];
    const service = scheduling?.services.find((one) => one.id === id);
    if (service === undefined || time === undefined) throw new Error(`not an appointment: ${line}`);
    const { person, conversation } = await chatOf(of, tenant, who as Who);
    const start = Temporal.PlainDateTime.from(time.replace(' ', 'T')).toZonedDateTime(timeZone).epochMilliseconds;
    const hold = `ap_${tenant}_${index.toString()}`;
    const wanted: Parameters<typeof calendar.hold>[0] = {
      id: hold,
      place: placeOf(tenant, { service }),
      service: service.id,
      start,
      end: start + service.durationMinutes * 60_000,
      persons: [person],
      conversation,
      moving: null,
      replaces: false,
      until: at + 60_000,
    };
    if ((await calendar.hold(wanted, at)) === undefined) throw new Error(`taken twice: ${line}`);
    await calendar.book({ tenant, hold, persons: [person], name: null, title: '', at });
  }
  await calendar.close();
  for (const [index, line] of participants.entries()) {
    const [, who, rest = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
    const [fullName = '', email = '', cpf = '', phone = '', place = '', profile = ''] = rest.split(', ');
    const [city = '', state = ''] = place.split('/');
    const { person, conversation } = await chatOf(of, tenant, who as Who);
    const content = { fullName, email, cpf, phone, city, state, profile };
    const by = `seed-${index.toString()}`;
    await openParticipants(runtime).save({ tenant, persons: [person], conversation, content, by, at });
  }
}

/** The conversation and person of a phone, made when they are not there. */
function chatOf({ directory, instanceOf, runtime }: Of, tenant: string, who: Who) {
  const { line } = instanceOf(tenant);
  return directory.resolve({ tenant, line, addresses: [phones[who]], group: false, at: runtime.now() });
}

/** Conversations of a tenant's people. */
async function conversationsOf({ directory, instanceOf }: Of, tenant: string): Promise<ReadonlyMap<Who, string>> {
  const { line } = instanceOf(tenant);
  const found = await Promise.all(
    whos.map(async (who) => [who, await directory.find(tenant, line, phones[who])] as const),
  );
  return new Map(found.flatMap(([who, chat]) => (chat === undefined ? [] : [[who, chat.conversation] as const])));
}

/** The rows that there are, as lines in order. What is only held is none. */
export async function readRows(of: Of, tenant: string): Promise<Required<Rows>> {
  const { runtime } = of;
  const names = new Map([...(await conversationsOf(of, tenant))].map(([who, conversation]) => [conversation, who]));
  const booked = await runtime.database.query<{ conversation: string; service: string; status: string; start: number }>(
    [tenant],
    `SELECT conversation, service, status, (extract(epoch FROM starts_at) * 1000)::float8 AS start FROM appointments
     WHERE tenant = $1 AND status IN ('booking', 'booked', 'cancelled')`,
    [tenant],
  );
  const participants = openParticipants(runtime);
  const inscribed = await Promise.all(
    (await participants.list(tenant, { max: 100 })).map(async (one) => {
      const opened = await participants.open(tenant, one);
      return { ...one, content: opened.state === 'open' ? opened.value : undefined };
    }),
  );
  return {
    appointments: booked.rows
      .map(({ conversation, service, status, start }) => {
        const suffix = status === 'booked' ? '' : ` ${status}`;
        return `${names.get(conversation) ?? 'nobody'}: ${service} ${localTime(start)}${suffix}`;
      })
      .toSorted(),
    participants: inscribed
      .map(({ conversation, content }) => {
        const who = names.get(conversation) ?? 'nobody';
        if (content === undefined) return `${who}: erased`;
        const { fullName, email, cpf, phone, city, state, profile } = content;
        return `${who}: ${[fullName, email, cpf, phone, `${city}/${state}`, profile].join(', ')}`;
      })
      .toSorted(),
  };
}

/** "2026-12-17 15:00". */
const localTime = (at: number): string =>
  Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(timeZone)
    .toPlainDateTime()
    .toString({ smallestUnit: 'minute' })
    .replace('T', ' ');

/** The hash of a database, by which two are compared. */
export const hashOf = ({ appointments = [], participants = [] }: Rows): string =>
  hash('sha256', JSON.stringify([appointments.toSorted(), participants.toSorted()]));

/** What is awaited of effects of a tenant: nothing is written any more when it is nothing. */
export async function openEffects({ database }: Pick<Runtime, 'database'>, tenant: string): Promise<number> {
  const { rows } = await database.query<{ count: string }>(
    [tenant],
    `SELECT count(*) FROM effects WHERE tenant = $1 AND status IN ('requested', 'running', 'answered')`,
    [tenant],
  );
  return Number(rows[0]?.count ?? 0);
}
