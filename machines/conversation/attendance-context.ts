/** Where the person stands with the people who attend. */
export interface AttendanceContext {
  /** How new the settings are by which this conversation waits (epoch ms): when its episode began. */
  readonly settingsAt: number;
  /** Id of the record by which it joined the queue; null when it is in none. */
  readonly ticket: string | null;
  /** Place in the queue, from 1, as the queue last said; null before that. */
  readonly position: number | null;
  readonly estimateMinutes: number | null;
  /** What of it the person was told, and when (epoch ms). */
  readonly toldPosition: number | null;
  readonly toldAt: number | null;
  /** Who attends: id of an API key, or `phone`; null when nobody does. */
  readonly attendant: string | null;
  /** Whether the person has written since the attendant did. */
  readonly unanswered: boolean;
}

/** The person is told a position at most this often. */
export const positionPauseMs = 60_000;

/** Not waiting. */
export const attendanceStart = (settingsAt: number): AttendanceContext => ({
  settingsAt,
  ticket: null,
  position: null,
  estimateMinutes: null,
  toldPosition: null,
  toldAt: null,
  attendant: null,
  unanswered: false,
});
