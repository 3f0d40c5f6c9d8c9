/** Waiting for a replay that the server works on. */
import type { ReplayItem } from '../../api/routes/replays.ts';
import { CommandError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { shortTime } from '../lists.ts';
import { type Output, factLines } from '../output.ts';
import { startProgress } from '../progress.ts';
import type { Session } from '../session.ts';

/** Milliseconds between looks: soon at first, for those that are over at once. */
const lookMs = { first: 100, growth: 1.5, most: 1_000, away: 15_000 } as const;

/** Waits until it is over and shows what it came to. An interrupt ends the waiting and not the replay. */
export async function watchReplay(session: Session, asked: ReplayItem): Promise<ExitCode> {
  const { out, signal } = session;
  const progress = startProgress(out, asked.kind === 're-emit' ? 'records' : 'conversations');
  try {
    const end = await theEnd(session, asked, (now) => progress.at(now.done, now.total ?? undefined));
    progress.end();
    out.result(end, () => replayLines(out, end));
    if (isPartial(end)) out.note(`What it found: prosa replay show ${end.id} --findings`);
    return exitCodeOf(end);
  } catch (caught) {
    progress.end();
    if (signal.aborted) out.note(`It goes on at the server: prosa replay show ${asked.id} --wait`);
    throw caught;
  }
}

async function theEnd(session: Session, asked: ReplayItem, look: (now: ReplayItem) => void): Promise<ReplayItem> {
  const { api, out, pause } = session;
  let now = asked;
  let ms: number = lookMs.first;
  for (let away = false; now.status === 'queued' || now.status === 'running';) {
    await pause(ms);
    try {
      now = await api().get<ReplayItem>(`/v1/replays/${encodeURIComponent(asked.id)}`);
      away = false;
      ms = Math.min(ms * lookMs.growth, lookMs.most);
      look(now);
    } catch (caught) {
      // The server may restart: the replay goes on where it was.
      if (!(caught instanceof CommandError) || caught.exitCode !== exitCodes.unavailable) throw caught;
      if (!away) out.note(`${caught.message} Trying again …`);
      away = true;
      ms = Math.min(ms * 2, lookMs.away);
    }
  }
  return now;
}

/** Verdicts about what could not be looked at, or written out, though the rest was. */
const unjudged = ['unretained', 'unknown-version', 'unknown-revision', 'too-long'];

/** Whether something differs, or could not be told. */
const isPartial = ({ differs, verdicts }: ReplayItem): boolean =>
  differs || unjudged.some((verdict) => (verdicts[verdict] ?? 0) > 0);

/** The exit code of a replay as it stands. */
export function exitCodeOf(now: ReplayItem): ExitCode {
  if (now.status === 'failed') return exitCodes.failure;
  return isPartial(now) || now.status === 'cancelled' ? exitCodes.differs : exitCodes.ok;
}

/** What it is and came to. */
export const replayLines = (out: Output, now: ReplayItem): readonly string[] =>
  factLines(out, [
    ['replay', now.id],
    ['kind', now.kind],
    ['status', now.code === null ? now.status : `${now.status} (${now.code})`],
    ['done', now.total === null ? now.done : `${now.done} of ${now.total}`],
    ['records', now.recordsPerSecond === null ? now.records : `${now.records}, ${now.recordsPerSecond}/s`],
    ...(now.secondsLeft === null || now.finishedAt !== null ? [] : [['left', `about ${now.secondsLeft} s`] as const]),
    ...(now.topic === undefined ? [] : [['topic', now.topic] as const]),
    ...Object.entries(now.verdicts),
    ['differs', now.differs ? 'yes' : 'no'],
    ['finished', shortTime(now.finishedAt)],
  ]);
