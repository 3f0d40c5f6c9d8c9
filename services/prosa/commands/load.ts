/** `prosa load`: people who write, and how long they wait. */
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { type LoadPlan, type Times, messagesOf, summary } from '../load/plan.ts';
import { type LoadOutcome, runLoad } from '../load/run.ts';
import { duration, integer, text } from '../options.ts';
import { type Output, factLines } from '../output.ts';
import { startProgress } from '../progress.ts';

const rateMax = 500;
const durationMsMax = 600_000;

export const load = defineCommand({
  name: 'load',
  summary: 'Write as many simulated people, and measure how long they wait',
  description:
    'Goes the way of real messages from the webhook on, through the simulator of the tenant, and leaves its conversations there. Times are measured from when a message was due. The numbers are nobody’s (+999…). Ends with 3 when some messages were not accepted.',
  options: {
    rate: integer('n', 'Messages a second', { min: 1, max: rateMax, absent: 10 }),
    duration: duration('How long', { maxMs: durationMsMax, absent: '10s' }),
    people: integer('n', 'People who write, in turns', { min: 1, max: 100_000, absent: 20 }),
    text: text('text', 'What they write (Oi if not given)'),
  },
  examples: [
    ['load --rate 50 --duration 30s --people 500', 'fifty messages a second by five hundred people'],
    ['load --json', 'p50 and p99 for a program'],
  ],
  async run({ options }, session) {
    const { out, signal } = session;
    const plan: LoadPlan = {
      rate: options.rate,
      durationMs: options.duration,
      people: options.people,
      text: options.text ?? 'Oi',
    };
    const progress = startProgress(out, 'messages');
    const outcome = await runLoad(session, plan, (sent) => progress.at(sent, messagesOf(plan))).finally(() =>
      progress.end(),
    );
    const report = reportOf(outcome);
    out.result(report, () => reportLines(out, report));
    if (signal.aborted) return exitCodes.interrupted;
    const late = outcome.replied.length < outcome.watched;
    return late || outcome.accepted.length < outcome.sent ? exitCodes.differs : exitCodes.ok;
  },
});

interface Report {
  readonly sent: number;
  readonly accepted: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly acceptMs: Times;
  /** From a person's first message to the reply at the phone; null when nobody was watched. */
  readonly replyMs: Times | null;
  readonly repliesAwaited: number;
}

const reportOf = ({ sent, accepted, failed, elapsedMs, replied, watched }: LoadOutcome): Report => ({
  sent,
  accepted: accepted.length,
  failed,
  seconds: Math.round(elapsedMs / 10) / 100,
  acceptMs: summary(accepted),
  replyMs: watched === 0 ? null : summary(replied),
  repliesAwaited: watched,
});

const reportLines = (out: Output, report: Report): readonly string[] =>
  factLines(out, [
    ['sent', `${report.sent} in ${report.seconds} s`],
    ['accepted', report.accepted],
    ...Object.entries(report.failed).map(([code, count]) => [code, count] as const),
    ['accept', timesText(report.acceptMs)],
    [
      'reply',
      report.replyMs === null
        ? 'not seen by this key'
        : `${timesText(report.replyMs)}  (${report.replyMs.count} of the first ${report.repliesAwaited} people)`,
    ],
  ]);

const timesText = ({ p50, p99, max }: Times): string =>
  p50 === null ? '-' : `p50 ${p50} ms  p99 ${p99 ?? '-'} ms  max ${max ?? '-'} ms`;
