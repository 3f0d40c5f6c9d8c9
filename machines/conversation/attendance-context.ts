/** Where the person stands with the people who attend. */
export interface AttendanceContext {
  /** Place in the queue, from 1; null when none was told. */
  readonly position: number | null;
  readonly estimateMinutes: number | null;
}

/** Not waiting. */
export const attendanceStart: AttendanceContext = { position: null, estimateMinutes: null };
