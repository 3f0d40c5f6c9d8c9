/** `prosa conversations`: lists, one, watching one, releasing one. */
import type { ConversationItem } from '../../api/conversation-list.ts';
import type { Conversation } from '../../api/routes/conversations.ts';
import type { ConversationMessage, PastState, Step } from '../../api/routes/history.ts';
import { defineCommand } from '../command.ts';
import { exitCodes, usageError } from '../exit-codes.ts';
import { followOptions } from '../follow.ts';
import { listOptions, shortTime, showPage } from '../lists.ts';
import { flag, integer, moment, optionalInteger, text, word } from '../options.ts';
import { type Output, factLines } from '../output.ts';
import { watchMessages, watchTimeline } from './conversation-watch.ts';

const id = word('Id of the conversation (c_…)');
const exampleId = 'c_01M7XY07TEGVRTR4BBJ222T4AY';
const offsetsMax = Number.MAX_SAFE_INTEGER;

export const conversationsLs = defineCommand({
  name: 'conversations ls',
  summary: 'List conversations, newest change first',
  options: {
    state: text('state', 'Only those in this state of their machine'),
    instance: text('id', 'Only those that this instance serves'),
    ...listOptions,
  },
  examples: [
    ['conversations ls --limit 20', 'the twenty that changed last'],
    ['conversations ls --state menu --json', 'those in the state menu, for a program'],
  ],
  async run({ options: { state, instance, limit, cursor } }, { api, out }) {
    const page = await api().list<ConversationItem>('/v1/conversations', { state, instance }, limit, cursor);
    return showPage(out, page, {
      ID: (one) => one.id,
      STATE: (one) => one.state.value,
      STATUS: (one) => one.status,
      EPISODE: (one) => one.episode,
      HELD: (one) => one.held,
      MACHINE: (one) => `${one.machine}@${one.machineVersion}`,
      UPDATED: (one) => shortTime(one.updatedAt),
    });
  },
});

export const conversationsShow = defineCommand({
  name: 'conversations show',
  summary: 'Show a conversation as it is, or as it was',
  description:
    'What people wrote and what is known of them is shown to keys that may see it; each such look is audited.',
  arguments: { id },
  options: {
    offset: optionalInteger('n', 'As it was just before this record', { min: 0, max: offsetsMax }),
    at: moment('As it was at this moment'),
    messages: flag('Its messages instead, in both directions'),
    timeline: flag('Its records and transitions instead'),
    ...listOptions,
  },
  examples: [
    [`conversations show ${exampleId}`, 'state, timers, what it waits for'],
    [`conversations show ${exampleId} --timeline`, 'every record and what it did'],
    [`conversations show ${exampleId} --at 2h`, 'as it was two hours ago'],
  ],
  async run({ args, options }, { api, out }) {
    const { offset, at, messages, timeline, limit, cursor } = options;
    if ([offset !== undefined, at !== undefined, messages, timeline].filter(Boolean).length > 1)
      throw usageError('Only one of --offset, --at, --messages and --timeline can be shown at a time.');
    const path = `/v1/conversations/${encodeURIComponent(args.id)}`;
    if (messages)
      return showPage(
        out,
        await api().list<ConversationMessage>(`${path}/messages`, {}, limit, cursor),
        messageColumns,
      );
    if (timeline) return showPage(out, await api().list<Step>(`${path}/timeline`, {}, limit, cursor), stepColumns);
    if (offset === undefined && at === undefined) {
      const now = await api().get<Conversation>(path);
      out.result(now, () => conversationLines(out, now));
    } else {
      const past = await api().get<PastState>(`${path}/state`, { offset, at });
      out.result(past, () => pastLines(out, past));
    }
    return exitCodes.ok;
  },
});

const stepColumns = {
  OFFSET: (step: Step) => step.offset,
  AT: (step: Step) => shortTime(step.at),
  TYPE: (step: Step) => step.type,
  OUTCOME: (step: Step) => step.outcome,
  FROM: (step: Step) => step.from,
  TO: (step: Step) => step.to,
  OUTPUTS: (step: Step) =>
    step.outputs.map(({ type, name }) => (name === undefined ? type : `${type}:${name}`)).join(' '),
};

const messageColumns = {
  AT: (one: ConversationMessage) => shortTime(one.at),
  FROM: (one: ConversationMessage) => one.origin,
  KIND: (one: ConversationMessage) => one.kind,
  STATUS: (one: ConversationMessage) => one.status,
  TEXT: (one: ConversationMessage) => (one.erased === true ? '(erased)' : one.text),
};

function conversationLines(out: Output, now: Conversation): readonly string[] {
  return [
    ...factLines(out, [
      ['conversation', now.id],
      ['instance', now.instanceId],
      ['person', now.personId],
      ['machine', now.machine === null ? null : `${now.machine}@${now.machineVersion ?? '?'}`],
      ['state', stateText(now.state.value)],
      ['status', now.status],
      ['episode', now.episode],
      ['quarantine', now.quarantine && `${now.quarantine.code} at offset ${now.quarantine.offset}, ${now.held} held`],
      ['waits for', now.pendingEffects.map(({ source }) => source).join(' ')],
      ['timers', now.timers.map(({ timerId, dueAt }) => `${timerId} at ${shortTime(dueAt) ?? ''}`).join(', ')],
      ['next offset', now.nextOffset],
      ['updated', shortTime(now.updatedAt)],
      ['context', contextText(now.state)],
    ]),
    ...(now.quarantine === null ? [] : ['', `Put it right, then: prosa conversations release ${now.id}`]),
  ];
}

const pastLines = (out: Output, past: PastState): readonly string[] =>
  past.machine === null ? [`It had not begun before offset ${past.offset}.`] : begunLines(out, past);

const begunLines = (out: Output, past: PastState): readonly string[] =>
  factLines(out, [
    ['before offset', past.offset],
    ['last record', shortTime(past.at)],
    ['machine', `${past.machine ?? '?'}@${past.machineVersion ?? '?'}`],
    ['state', stateText(past.state.value)],
    ['status', past.status],
    ['episode', past.episode],
    ['context', contextText(past.state)],
  ]);

const stateText = (value: unknown): string | null =>
  value === null ? null : typeof value === 'string' ? value : JSON.stringify(value);

function contextText(state: { readonly context?: unknown; readonly erased?: boolean | undefined }): string | null {
  if (state.erased === true) return '(erased)';
  return 'context' in state ? JSON.stringify(state.context) : '(not shown to this key)';
}

export const conversationsTail = defineCommand({
  name: 'conversations tail',
  summary: 'Watch a conversation',
  description:
    'Its records and transitions, which hold no personal data, and of each effect how long it took, the model, its tokens in and out and its cost (µ: millionths of the currency unit); with --messages what is said, for keys that may see it. Goes on until Ctrl-C.',
  arguments: { id },
  options: {
    messages: flag('What is said, instead of records and transitions'),
    last: integer('n', 'Begin with this many of the past', { min: 0, max: 200, absent: 10 }),
    ...followOptions,
  },
  examples: [
    [`conversations tail ${exampleId}`, 'what happens from now on'],
    [`conversations tail ${exampleId} --messages --for 5m`, 'what is said in the next five minutes'],
    [`conversations tail ${exampleId} --json | jq .to`, 'one JSON object per line'],
  ],
  async run({ args, options: { messages, last, for: forMs } }, session) {
    const watch = messages ? watchMessages : watchTimeline;
    await watch(session, { id: args.id, last, forMs });
    return exitCodes.ok;
  },
});

export const conversationsRelease = defineCommand({
  name: 'conversations release',
  summary: 'Release a quarantined conversation',
  description: 'The records that were held are applied in order. One that is not in quarantine is not changed by it.',
  arguments: { id },
  examples: [[`conversations release ${exampleId}`, 'after its machine was put right']],
  async run({ args }, { api, out }) {
    const answer = await api().post<{ readonly eventId: string }>(
      `/v1/conversations/${encodeURIComponent(args.id)}/release`,
    );
    out.result(answer, () => [`Its release is record ${answer.eventId}.`]);
    out.note(`See what it does with: prosa conversations tail ${args.id}`);
    return exitCodes.ok;
  },
});
