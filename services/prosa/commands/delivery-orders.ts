/** `prosa deliveries retry` and `cancel`: one, some, those of a cause, of an account, of the last hours. */
import { defineCommand } from '../command.ts';
import { type ExitCode, exitCodes, usageError } from '../exit-codes.ts';
import { flag, maybe, oneOf, optionalInteger, text } from '../options.ts';
import { factLines } from '../output.ts';
import { startProgress } from '../progress.ts';
import type { Session } from '../session.ts';

const hoursMax = 168;
/** Each does a thousand. */
const callsMax = 10_000;

const exampleDelivery = 'd_6XJVRAMSR52FDDHVRT5CY0936C';
const ids = maybe('Ids of deliveries (d_…) or of their messages, several with commas between them');
const which = {
  hours: optionalInteger('n', 'Only of the last so many hours', { min: 1, max: hoursMax }),
  cause: text('code', 'Only what met this code last'),
  reason: text('code', 'Only what ended with this code'),
  instance: text('id', 'Only those through this instance'),
};

interface Which {
  readonly hours: number | undefined;
  readonly cause: string | undefined;
  readonly reason: string | undefined;
  readonly instance: string | undefined;
  readonly status: string | undefined;
}

/** What one call did. */
interface Ordered {
  readonly skipped: readonly string[];
  readonly more: boolean;
  readonly retried?: number;
  readonly cancelled?: number;
  readonly dismissed?: number;
}

type Count = 'retried' | 'cancelled' | 'dismissed';

/** The body of an order. Throws a usage error when it says nothing of which. */
function orderOf(named: string | undefined, { hours, cause, reason, instance, status }: Which): object {
  const filters = {
    hours,
    cause,
    reason,
    instanceId: instance,
    ...(status === undefined ? {} : { statuses: [status] }),
  };
  const given = Object.values({ hours, cause, reason, instance }).some((one) => one !== undefined);
  if (named !== undefined) {
    if (given || status !== undefined) throw usageError('Either ids or options say which deliveries.');
    return { ids: [...new Set(named.split(',').filter((id) => id !== ''))] };
  }
  if (!given) throw usageError('One of ids, --hours, --cause, --reason and --instance says which deliveries.');
  return filters;
}

/** Calls until nothing is left to do, and shows what was done of each. */
async function orderAll(
  session: Session,
  what: 'retry' | 'cancel',
  body: object,
  counts: readonly Count[],
): Promise<ExitCode> {
  const { api, out } = session;
  const progress = startProgress(out, 'deliveries');
  const done: Record<string, number> = Object.fromEntries(counts.map((count) => [count, 0]));
  const skipped: string[] = [];
  const total = (): number => Object.values(done).reduce((sum, count) => sum + count, 0);
  try {
    for (let calls = 0, more = true; more && calls < callsMax; calls += 1) {
      const answer = await api().post<Ordered>(`/v1/deliveries/${what}`, body);
      for (const count of counts) done[count] = (done[count] ?? 0) + (answer[count] ?? 0);
      skipped.push(...answer.skipped);
      more = answer.more;
      progress.at(total(), more ? undefined : total());
    }
  } finally {
    progress.end();
  }
  out.result({ ...done, skipped }, () =>
    factLines(out, [...Object.entries(done), ...skipped.map((id) => ['skipped', id] as const)]),
  );
  if (skipped.length === 0) {
    if (total() === 0 && !out.json) out.note('There was nothing to do.');
    return exitCodes.ok;
  }
  out.note('What was skipped is not there, or in no state for it: prosa deliveries show <id>');
  return total() === 0 ? exitCodes.refused : exitCodes.differs;
}

export const deliveriesRetry = defineCommand({
  name: 'deliveries retry',
  summary: 'Try deliveries again: some, or all with something in common',
  description:
    'Without --status what failed and what waits for a decision. Each has its whole schedule and ladder before it again; one that is named and waits for its next attempt has it now.',
  arguments: { ids },
  options: {
    ...which,
    status: oneOf(['manual', 'unknown', 'failed'], 'Only those with this status'),
    'even-if-unknown': flag('Also what may have arrived: the person may then have it twice'),
  },
  examples: [
    ['deliveries retry --hours 24', 'all that failed since yesterday'],
    ['deliveries retry --cause provider.unreachable', 'when the server is back'],
    [`deliveries retry ${exampleDelivery}`, 'one of them'],
    ['deliveries retry --hours 2 --status unknown --even-if-unknown', 'what may have arrived'],
  ],
  run: async ({ args, options: { 'even-if-unknown': evenIfUnknown, ...asked } }, session) =>
    orderAll(session, 'retry', { ...orderOf(args.ids, asked), ...(evenIfUnknown ? { evenIfUnknown } : {}) }, [
      'retried',
    ]),
});

export const deliveriesCancel = defineCommand({
  name: 'deliveries cancel',
  summary: 'Give deliveries up: some, or all with something in common',
  description:
    'Without --status what waits for a decision and certainly was not sent. What may have arrived cannot be taken back: it is dismissed from the queue and stays unknown.',
  arguments: { ids },
  options: { ...which, status: oneOf(['manual', 'unknown'], 'Only those with this status') },
  examples: [
    ['deliveries cancel --cause provider.unavailable --hours 48', 'what came too late to be of use'],
    [`deliveries cancel ${exampleDelivery}`, 'one of them, also while it is queued'],
    ['deliveries cancel --status unknown --hours 168', 'leave what may have arrived as it is'],
  ],
  run: async ({ args, options }, session) =>
    orderAll(session, 'cancel', orderOf(args.ids, options), ['cancelled', 'dismissed']),
});
