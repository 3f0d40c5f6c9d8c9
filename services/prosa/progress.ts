/** How far a long command is, with rate and time left: one line that is drawn over, on a terminal only. */
import type { Output } from './output.ts';

const drawMs = 100;
/** Weight of the newest measure in the rate. */
const newest = 0.2;

/** Progress towards `total`, or towards an end that is not known. */
export interface Progress {
  /** `done` of `total` in all. */
  at(done: number, total: number | undefined): void;
  /** Takes the line away. Idempotent. */
  end(): void;
}

/** Starts it. `unit` is what is counted, in the plural. */
export function startProgress(
  out: Output,
  unit: string,
  now: () => number = performance.now.bind(performance),
): Progress {
  const { terminal } = out;
  if (terminal === undefined) return { at: () => undefined, end: () => undefined };
  let last = { at: now(), done: 0, drawn: Number.NEGATIVE_INFINITY };
  let rate: number | undefined;
  return {
    at(done, total) {
      const at = now();
      if (at - last.drawn < drawMs && done !== total) return;
      const seconds = (at - last.at) / 1_000;
      if (seconds > 0) {
        const measured = (done - last.done) / seconds;
        rate = rate === undefined ? measured : rate * (1 - newest) + measured * newest;
      }
      last = { at, done, drawn: at };
      const line = progressLine(unit, done, total, rate);
      terminal.write(`\r\u001b[2K${line.slice(0, Math.max(20, (terminal.columns ?? 80) - 1))}`);
    },
    end: () => terminal.write('\r\u001b[2K'),
  };
}

/** The line itself. */
export function progressLine(unit: string, done: number, total: number | undefined, rate: number | undefined): string {
  const share = total === undefined || total === 0 ? '' : `${Math.floor((done / total) * 100)} % `;
  const of = total === undefined ? `${done} ${unit}` : `${done} of ${total} ${unit}`;
  if (rate === undefined || rate <= 0) return `${share}${of}`;
  const left = total === undefined ? '' : `, ${timeLeft((total - done) / rate)} left`;
  return `${share}${of}, ${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s${left}`;
}

function timeLeft(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
