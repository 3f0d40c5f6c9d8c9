/** What may be set of booking: see `SchedulingSettings`. */
import { weekdays } from '#machines/conversation/agent-settings.ts';
import {
  type Check,
  aliases,
  fieldProblems,
  fieldsOf,
  givenId,
  listOf,
  thingsProblems,
  wholeNumber,
  worded,
} from '#machines/conversation/worded.ts';

/** Most of each thing, and longest texts. */
export const schedulingLimits = {
  services: 50,
  serviceName: 60,
  capacity: 500,
  durationMinutes: 1_440,
  stretches: 6,
  holidays: 400,
  noticeMinutes: 43_200,
  horizonDays: 366,
  holdMinutes: 120,
  calendarName: 200,
} as const;

/** In force where a tenant sets nothing else. */
export const schedulingDefaults = { capacity: 1, noticeMinutes: 60, horizonDays: 60, holdMinutes: 10 } as const;

/** What is wrong with a tenant's setting `scheduling`, by name and never by value; none if it can be put in force. */
export function schedulingProblems(settings: unknown): readonly string[] {
  const problems = fieldProblems('scheduling', settings, needed, allowed);
  const { services, openingHours, calendar } = fieldsOf(settings) ?? {};
  return [
    ...problems,
    ...thingsProblems('scheduling.services', services, schedulingLimits.services, ofService, mayService),
    ...unequalCapacities(services, fieldsOf(calendar)),
    ...(fieldsOf(openingHours) === undefined ? [] : fieldProblems('scheduling.openingHours', openingHours, {}, ofWeek)),
  ];
}

/** Local time of day in minutes; undefined when it is none. 24:00 is the end of a day. */
export function minutesOf(time: unknown): number | undefined {
  const match = typeof time === 'string' ? /^(\d\d):(\d\d)$/.exec(time) : null;
  const [hours, minutes] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || minutes > 59 || hours * 60 + minutes > 1_440) return undefined;
  return hours * 60 + minutes;
}

/** Stretches of a day: in order, apart from each other. */
const stretches: Check = (value) => {
  if (!Array.isArray(value) || value.length > schedulingLimits.stretches)
    return `has to be a list of at most ${schedulingLimits.stretches.toString()} stretches`;
  let before = -1;
  for (const stretch of value) {
    const [from, to] = Array.isArray(stretch) && stretch.length === 2 ? stretch.map(minutesOf) : [];
    if (from === undefined || to === undefined) return 'has to hold pairs of times like "08:00"';
    if (from >= to || from < before) return 'has to hold stretches in their order, none within another';
    before = to;
  }
  return undefined;
};

const date: Check = (value) => {
  const match = typeof value === 'string' ? /^(\d{4})-(\d\d)-(\d\d)$/.exec(value) : null;
  const [year, month, day] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])];
  return match !== null && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
    ? undefined
    : 'has to hold dates like "2026-12-25"';
};

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

const calendarName: Check = (value) =>
  typeof value === 'string' && /^\S+$/.test(value) && value.length <= schedulingLimits.calendarName
    ? undefined
    : `has to be the name of a calendar, without spaces, of at most ${schedulingLimits.calendarName.toString()} characters`;

const calendar: Check = (value) => {
  const fields = fieldsOf(value) ?? {};
  const kind = fields['kind'];
  if (kind === 'postgres')
    return Object.keys(fields).length === 1 ? undefined : 'has to be of kind postgres and no more';
  if (kind !== 'google') return 'has to be of kind postgres or google';
  const others = Object.keys(fields).filter((name) => name !== 'kind' && name !== 'calendarId');
  return others.length === 0 && calendarName(fields['calendarId']) === undefined
    ? undefined
    : 'has to name its calendarId and no more';
};

/** Who shares the same time has as many places in it. */
function unequalCapacities(
  services: unknown,
  calendarField: Readonly<Record<string, unknown>> | undefined,
): readonly string[] {
  const shared = calendarField?.['kind'] === 'google' ? calendarField['calendarId'] : undefined;
  const capacities = new Map<unknown, unknown>();
  const listed = Array.isArray(services) ? services.slice(0, schedulingLimits.services) : [];
  for (const service of listed.map(fieldsOf)) {
    const name = service?.['calendar'] ?? shared;
    const capacity = service?.['capacity'] ?? schedulingDefaults.capacity;
    if (name === undefined) continue;
    if (capacities.has(name) && capacities.get(name) !== capacity)
      return ['scheduling.services that share a calendar have to have the same capacity'];
    capacities.set(name, capacity);
  }
  return [];
}

const ofService = {
  id: givenId,
  name: worded(schedulingLimits.serviceName),
  durationMinutes: wholeNumber(5, schedulingLimits.durationMinutes),
};
const mayService = { aliases, capacity: wholeNumber(1, schedulingLimits.capacity), calendar: calendarName };
const ofWeek = Object.fromEntries(weekdays.map((day) => [day, stretches]));

const openingHours: Check = (value) => (fieldsOf(value) === undefined ? 'has to be stretches by weekday' : undefined);

const needed = { services: listOf(1, schedulingLimits.services), openingHours };
const allowed = {
  holidays: listOf(0, schedulingLimits.holidays, date),
  slotMinutes: wholeNumber(5, schedulingLimits.durationMinutes),
  noticeMinutes: wholeNumber(0, schedulingLimits.noticeMinutes),
  horizonDays: wholeNumber(1, schedulingLimits.horizonDays),
  holdMinutes: wholeNumber(1, schedulingLimits.holdMinutes),
  calendar,
};
