/** `prosa audit`: what was done, and by whom. */
import type { AuditEvent } from '../../api/routes/audit.ts';
import type { Query } from '../api.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { Seen, follow, followOptions } from '../follow.ts';
import { itemsMax, shortTime } from '../lists.ts';
import { flag, integer, moment, text } from '../options.ts';
import { printable } from '../output.ts';
import type { Session } from '../session.ts';

/** Events may arrive this long after what they tell of, and are still shown. */
const latenessMs = 10_000;

export const auditTail = defineCommand({
  name: 'audit tail',
  summary: 'Show audit events, oldest first, and then those that come',
  options: {
    conversation: text('id', 'Only of this conversation, instance or key'),
    type: text('type', 'Only of this type'),
    from: moment('Only from then on'),
    to: moment('Only before then; nothing is waited for'),
    last: integer('n', 'Begin with this many of the past', { min: 0, max: itemsMax, absent: 20 }),
    'no-follow': flag('Do not wait for those that come'),
    ...followOptions,
  },
  examples: [
    ['audit tail', 'what is being done'],
    ['audit tail --type access.messages --from 1d --no-follow', 'who read messages since yesterday'],
    ['audit tail --conversation c_01M7XY07TEGVRTR4BBJ222T4AY --json', 'one JSON object per line'],
  ],
  async run({ options }, session) {
    const { conversation, type, from, to, last } = options;
    const query: Query = { conversation, type };
    const seen = new Seen();
    const found = await events(session, { ...query, from, to }, Math.max(1, last));
    for (const { id } of found) seen.isNew(id);
    for (const event of last === 0 ? [] : found) say(session, event);
    if (options['no-follow'] || to !== undefined) return exitCodes.ok;

    // Older ones were left out on purpose, when there are as many as were wanted.
    const oldest = found.length < Math.max(1, last) ? 0 : timeOf(found[0]);
    let newest = Math.max(timeOf(found.at(-1)), Date.parse(from ?? '1970'));
    await follow(session, options.for, async () => {
      const window = { ...query, from: new Date(Math.max(0, newest - latenessMs)).toISOString() };
      const all = await events(session, window, itemsMax);
      const fresh = all.filter((event) => timeOf(event) >= oldest && seen.isNew(event.id));
      for (const event of fresh) say(session, event);
      newest = Math.max(newest, ...fresh.map(timeOf));
      return fresh.length > 0;
    });
    return exitCodes.ok;
  },
});

const timeOf = (event: AuditEvent | undefined): number => (event === undefined ? 0 : Date.parse(event.at));

/** The newest events, oldest first. */
const events = async ({ api }: Session, query: Query, limit: number): Promise<readonly AuditEvent[]> =>
  (await api().list<AuditEvent>('/v1/audit', query, limit)).items.toReversed();

function say({ out }: Session, event: AuditEvent): void {
  const { at, type, conversationId, from, to, trigger, subject, outcome, actedBy } = event;
  const change = from === null && to === null ? undefined : `${from ?? '-'} → ${to ?? '-'}`;
  const more = [trigger, change, subject, outcome, actedBy === null ? null : `by ${actedBy}`];
  const parts = [shortTime(at), type, conversationId, ...more.filter((part) => part != null)];
  out.item(event, () => [printable(parts.join('  '))]);
}
