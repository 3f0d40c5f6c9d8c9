/** The port of calendars outside of Postgres, in which a tenant's people look. */

/** An event that is one of our appointments. */
export interface OutsideEvent {
  /** Made of the appointment's id: the same whenever it is put there. */
  readonly id: string;
  readonly appointment: string;
  /** Epoch milliseconds. */
  readonly start: number;
  readonly end: number;
  /** What is shown there. Personal: the tenant chose who keeps its calendar. */
  readonly title: string;
}

/** A calendar of a tenant's. */
export interface OutsidePlace {
  readonly tenant: string;
  readonly calendar: string;
}

/** When somebody is busy, and with what. */
export interface BusyTime {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

/** All methods may be repeated, and throw `CalendarFailure`. */
export interface OutsideCalendar {
  /** Everything that takes time in an interval. */
  busy(place: OutsidePlace, from: number, to: number): Promise<readonly BusyTime[]>;
  /** Puts an event where it belongs, whether it is there or not; `refused` when another thing has its id. */
  put(place: OutsidePlace, event: OutsideEvent, known: boolean): Promise<'kept' | 'refused'>;
  /** Takes an event away, if it is there. */
  remove(place: OutsidePlace, id: string): Promise<void>;
  /** When an event is; undefined when somebody took it away. */
  read(place: OutsidePlace, id: string): Promise<Pick<BusyTime, 'start' | 'end'> | undefined>;
  /** Calls in flight end without an answer. Idempotent. */
  close(): Promise<void>;
}

/** A calendar that did not do what it was asked for. The code is stable; nothing of what was asked is in it. */
export class CalendarFailure extends Error {
  override readonly name = 'CalendarFailure';
  readonly code:
    | 'calendar.unavailable'
    | 'calendar.busy'
    | 'calendar.unauthorized'
    | 'calendar.unknown'
    | 'calendar.refused'
    | 'calendar.too-full'
    | 'calendar.not-configured';
  /** Whether another attempt may go better; not before `afterMs`, when it is known. */
  readonly retry: boolean;
  readonly afterMs: number | undefined;

  constructor(code: CalendarFailure['code'], { retry = false, afterMs }: { retry?: boolean; afterMs?: number } = {}) {
    super(code);
    this.code = code;
    this.retry = retry;
    this.afterMs = afterMs;
  }
}
