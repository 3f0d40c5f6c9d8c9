/**
 * What a tenant's configuration says of sending: the time zone, the hours in which nobody is disturbed,
 * what is done about a message that may or may not have arrived, and about one that does not go out.
 */
import { z } from 'zod';

const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/);

const quietWindow = z.strictObject({
  /** Days on which it begins, 1 Monday to 7 Sunday; every day when absent. */
  days: z.array(z.number().int().min(1).max(7)).min(1).max(7).optional(),
  /** `HH:MM` in the time zone. Not before `from`: until then of the next day. */
  from: clockTime,
  to: clockTime,
});

/** One window of quiet hours. */
export type QuietWindow = z.infer<typeof quietWindow>;

/**
 * Rungs of the ladder, as far as they are a tenant's to choose: another address of the same
 * server, another account that the line's route names, the queue of urgent messages, word to people. The queue for
 * decisions comes last, always.
 */
export const fallbackRungs = ['endpoint', 'instance', 'priority', 'notify'] as const;
export type FallbackRung = (typeof fallbackRungs)[number];

const minutesMax = 1_440;
const emailsMax = 20;

/** An address is tried within each attempt, before anything else; who is told is told that all else failed. */
const inOrder = (steps: readonly FallbackRung[]): boolean =>
  new Set(steps).size === steps.length &&
  steps.indexOf('endpoint') <= 0 &&
  [-1, steps.length - 1].includes(steps.indexOf('notify'));

const fallbackShape = z.strictObject({
  /** Rungs in the order in which they are tried; all of them when absent. */
  steps: z
    .array(z.enum(fallbackRungs))
    .max(fallbackRungs.length)
    .refine(inOrder, 'must name each once, endpoint first and notify last')
    .optional(),
  /**
   * Who is told, of functions rather than of people (`operations@…`): a configuration is neither sealed nor ever
   * forgotten. Those of the installation (`ADMIN_EMAILS`) when absent.
   */
  emails: z.array(z.email().max(254)).max(emailsMax).optional(),
  /** Least time between two mails, in minutes. */
  everyMinutes: z.number().int().min(1).max(minutesMax).optional(),
  /** An account that is shut for so long has others stand in, and people told. */
  heldMinutes: z.number().int().min(1).max(minutesMax).optional(),
});

/** As it stands in a configuration. */
export const sendingShape = z.strictObject({
  /** IANA name. */
  timeZone: z.string().refine(isTimeZone).optional(),
  /** Messages that we begin wait until they are over, unless their priority is high. */
  quietHours: z.array(quietWindow).max(21).optional(),
  /** A message that may have arrived is sent again (and may be there twice), or put aside for a decision. */
  unknownOutcome: z.enum(['resend', 'park']).optional(),
  /** What is done about a message that does not go out. */
  fallback: fallbackShape.optional(),
});

/** The ladder of a tenant. Times in milliseconds. */
export interface FallbackPolicy {
  readonly steps: readonly FallbackRung[];
  /** Undefined: the installation's. */
  readonly emails: readonly string[] | undefined;
  readonly noticeEveryMs: number;
  readonly heldMs: number;
}

/** The same with what is meant where nothing is said. */
export interface SendingPolicy {
  readonly timeZone: string;
  readonly quietHours: readonly QuietWindow[];
  readonly unknownOutcome: 'resend' | 'park';
  readonly fallback: FallbackPolicy;
}

const quarterHour = 15;
const minuteMs = 60_000;

/** The policy of a configuration. */
export const sendingPolicyOf = (given: z.infer<typeof sendingShape> = {}): SendingPolicy => ({
  timeZone: given.timeZone ?? 'America/Sao_Paulo',
  quietHours: given.quietHours ?? [],
  unknownOutcome: given.unknownOutcome ?? 'park',
  fallback: {
    steps: given.fallback?.steps ?? fallbackRungs,
    emails: given.fallback?.emails,
    noticeEveryMs: (given.fallback?.everyMinutes ?? quarterHour) * minuteMs,
    heldMs: (given.fallback?.heldMinutes ?? quarterHour) * minuteMs,
  },
});

const dayMinutes = 1_440;

/** Windows that follow one another are one; past this many they are taken for never-ending. */
const followingMax = 21;

/**
 * When the quiet hours end in which `at` lies; undefined when it lies in none. Epoch milliseconds. The
 * clock of the wall counts: in a night in which it is set, a window is an hour longer or shorter.
 */
export function quietUntil(policy: Pick<SendingPolicy, 'timeZone' | 'quietHours'>, at: number): number | undefined {
  let end: number | undefined;
  for (let i = 0; i < followingMax; i += 1) {
    const from = end ?? at;
    const next = policy.quietHours.flatMap((window) => endOf(window, policy.timeZone, from) ?? []);
    if (next.length === 0) return end;
    end = Math.max(...next);
  }
  return end;
}

/** The end of a window that `at` lies in. */
function endOf({ days, from, to }: QuietWindow, timeZone: string, at: number): number | undefined {
  const wall = wallClock(at, timeZone);
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const overnight = end <= begin;
  const beganYesterday = overnight && wall.minutes < end;
  const inside = beganYesterday || (wall.minutes >= begin && (overnight || wall.minutes < end));
  if (!inside) return undefined;
  const day = beganYesterday ? ((wall.weekday + 5) % 7) + 1 : wall.weekday;
  if (days !== undefined && !days.includes(day)) return undefined;
  const later = overnight && !beganYesterday ? 1 : 0;
  return instantOf({ ...wall, day: wall.day + later, minutes: end, ms: 0 }, timeZone);
}

const minutesOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

/** A moment as clocks on the wall show it. */
interface Wall {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  /** Since midnight. */
  readonly minutes: number;
  /** Seconds and less. */
  readonly ms: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(at: number, timeZone: string): Wall & { readonly weekday: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const fields = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone, ...fields, hourCycle: 'h23', calendar: 'gregory' });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts;
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;
  return { year, month, day, minutes: hour * 60 + minute, ms: at - Math.floor(at / minuteMs) * minuteMs, weekday };
}

/**
 * The moment at which clocks on the wall show that. Where they skip it, as much later as they skip; where
 * they show it twice, the first time (as `Temporal` has it by default).
 */
function instantOf({ year, month, day, minutes, ms }: Wall, timeZone: string): number {
  const asUtc = Date.UTC(year, month - 1, day, 0, minutes) + ms;
  const offsetAt = (at: number): number => {
    const wall = wallClock(at, timeZone);
    return Date.UTC(wall.year, wall.month - 1, wall.day, 0, wall.minutes) + wall.ms - at;
  };
  const dayMs = dayMinutes * minuteMs;
  const [before, after] = [offsetAt(asUtc - dayMs), offsetAt(asUtc + dayMs)];
  const candidates = [asUtc - before, asUtc - after].filter((at) => at + offsetAt(at) === asUtc);
  return candidates.length === 0 ? asUtc - before : Math.min(...candidates);
}

const localTime = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?$/;

/**
 * A moment in ISO 8601: with an offset or `Z` as it says, without one in the time zone. Epoch
 * milliseconds; undefined when it is none.
 */
export function momentIn(text: string, timeZone: string): number | undefined {
  const local = localTime.exec(text);
  if (local === null) {
    const at = /T.*(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(at) ? undefined : at;
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (
    local.slice(1, 7) as readonly (string | undefined)[]
  ).map((part) => Number(part ?? 0));
  const made = new Date(Date.UTC(year, month - 1, day));
  if (made.getUTCMonth() !== month - 1 || made.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59)
    return undefined;
  const ms = second * 1_000 + Number((local[7] ?? '').padEnd(3, '0'));
  return instantOf({ year, month, day, minutes: hour * 60 + minute, ms }, timeZone);
}
