/** `prosa replay`: what happened, again. */
import type { ReplayFinding, ReplayItem } from '../../api/routes/replays.ts';
import { defineCommand } from '../command.ts';
import { type ExitCode, exitCodes, usageError } from '../exit-codes.ts';
import { listOptions, shortTime, showPage } from '../lists.ts';
import { flag, integer, maybe, moment, oneOf, optionalInteger, text, word } from '../options.ts';
import type { Page } from '../api.ts';
import { exitCodeOf, replayLines, watchReplay } from '../replay/watch.ts';
import type { Session } from '../session.ts';

const conversation = maybe('Id of the conversation (c_…); all of the tenant when left out');
const id = word('Id of the replay');
const exampleConversation = 'c_01M7XY07TEGVRTR4BBJ222T4AY';
const exampleReplay = 'rp_01M7XY0FJ1Q5ZC3D0V5T9W2K8N';

/** Options of every replay that the server works on. */
const workOptions = {
  partition: optionalInteger('n', 'Only conversations of this partition', { min: 0, max: 1_000_000 }),
  pace: integer('n', 'Most records a second, so that live traffic keeps its latency', {
    min: 1,
    max: 100_000,
    absent: 1_000,
  }),
  'no-wait': flag('Do not wait for its end; replay show tells how far it is'),
};

const sourceOption = oneOf(['journal', 'log'] as const, 'Where records are read (journal if not given)');

interface Work {
  readonly args: { readonly conversation: string | undefined };
  readonly options: { readonly partition: number | undefined; readonly pace: number; readonly 'no-wait': boolean };
}

/** Asks the server for it and, unless told otherwise, waits. */
async function work(session: Session, { args, options }: Work, kind: object): Promise<ExitCode> {
  if (args.conversation !== undefined && options.partition !== undefined)
    throw usageError('Either one conversation or one partition can be named.');
  const { partition, pace: recordsPerSecond } = options;
  return ask(session, options, { ...kind, conversationId: args.conversation, partition, recordsPerSecond });
}

async function ask(session: Session, options: { readonly 'no-wait': boolean }, request: object): Promise<ExitCode> {
  const { api, out } = session;
  const made = await api().post<ReplayItem>('/v1/replays', request);
  if (!options['no-wait']) return watchReplay(session, made);
  out.result(made, () => replayLines(out, made));
  out.note(`See how far it is with: prosa replay show ${made.id}`);
  return exitCodes.ok;
}

export const replayVerify = defineCommand({
  name: 'replay verify',
  summary: 'Fold conversations again and compare with what is on record',
  description:
    'States and replies are compared. Folds use the machine version and configuration revision on record; one that is no longer there is reported. Ends with 3 when something differs or could not be folded. Ctrl-C leaves it to the server, which goes on.',
  arguments: { conversation },
  options: { source: sourceOption, ...workOptions },
  examples: [
    ['replay verify', 'all conversations of the tenant'],
    [`replay verify ${exampleConversation} --source log`, 'one, from the log itself'],
  ],
  run: ({ args, options }, session) => work(session, { args, options }, { kind: 'verify', source: options.source }),
});

export const replayRebuild = defineCommand({
  name: 'replay rebuild',
  summary: 'Find snapshots that differ from what a fold gives, and repair them',
  description:
    'Folds as replay verify does. Without --repair it changes nothing. Ends with 3 when something differs or could not be folded.',
  arguments: { conversation },
  options: {
    source: sourceOption,
    repair: flag('Throw away snapshots that differ, to be folded anew'),
    ...workOptions,
  },
  examples: [
    ['replay rebuild', 'which snapshots would change'],
    ['replay rebuild --repair --partition 3', 'put right those of a partition'],
  ],
  run: ({ args, options }, session) =>
    work(session, { args, options }, { kind: 'rebuild', source: options.source, repair: options.repair }),
});

export const replayWhatIf = defineCommand({
  name: 'replay what-if',
  summary: 'Run recorded conversations through another version of their machine',
  description:
    'Nothing is sent or called: answers of the outside world come from the record; where there is none, the branch ends as unknown from here. With --machine the server runs a version that it has; with --module a file of this machine is run here, on one conversation or the newest ones, for keys that may see what was said. Ends with 3 when something differs or could not be tried.',
  arguments: { conversation },
  options: {
    machine: text('name@version', 'A version that the server has'),
    module: text('file', 'A module of this machine that exports one XState machine'),
    as: text('name', 'Which machine the module stands in for (conversation if not given)'),
    newest: integer('n', 'With --module: so many conversations, those that changed last', {
      min: 1,
      max: 1_000,
      absent: 50,
    }),
    ...workOptions,
  },
  examples: [
    ['replay what-if --machine conversation@2', 'all conversations through a version that the server has'],
    [
      `replay what-if ${exampleConversation} --module machines/conversation/machine.ts`,
      'one through the file as it is now',
    ],
  ],
  async run({ args, options }, session) {
    const { machine, module, as, newest } = options;
    if ((machine === undefined) === (module === undefined))
      throw usageError('One of --machine and --module is needed.');
    if (module !== undefined) {
      const { runModule } = await import('../replay/module-run.ts');
      return runModule(session, { module, name: as ?? 'conversation', conversation: args.conversation, newest });
    }
    const [, name, version] = /^([^@]+)@([^@]+)$/.exec(machine ?? '') ?? [];
    if (name === undefined) throw usageError('--machine must be a name and a version, such as conversation@2.');
    return work(session, { args, options }, { kind: 'what-if', machine: { name, version } });
  },
});

export const replayEmit = defineCommand({
  name: 'replay emit',
  summary: 'Write records of a time again, to a topic for analysts',
  description:
    'Events stay sealed; audit is plain. The topic is made when it is not there. Ends with 3 when records of that time are no longer on the log.',
  arguments: { records: word('events or audit') },
  options: {
    from: moment('From then on'),
    to: moment('Before then'),
    topic: text('name', 'Last part of the topic: lower case letters, digits, hyphens'),
    pace: workOptions.pace,
    'no-wait': workOptions['no-wait'],
  },
  examples: [['replay emit audit --from 2d --to 1d --topic two-days-ago', 'a day of audit']],
  async run({ args: { records }, options }, session) {
    const { from, to, topic, pace } = options;
    if (records !== 'events' && records !== 'audit') throw usageError('<records> must be one of events and audit.');
    if (from === undefined || to === undefined || topic === undefined)
      throw usageError('--from, --to and --topic are needed.');
    return ask(session, options, { kind: 're-emit', records, from, to, topic, recordsPerSecond: pace });
  },
});

export const replayLs = defineCommand({
  name: 'replay ls',
  summary: 'List replays, newest first',
  options: listOptions,
  examples: [['replay ls', 'what was asked for, and what it came to']],
  async run({ options: { limit, cursor } }, { api, out }) {
    return showPage(out, await api().list<ReplayItem>('/v1/replays', {}, limit, cursor), {
      ID: (one) => one.id,
      KIND: (one) => one.kind,
      STATUS: (one) => one.status,
      DONE: (one) => one.done,
      TOTAL: (one) => one.total,
      DIFFERS: (one) => (one.differs ? 'yes' : 'no'),
      CREATED: (one) => shortTime(one.createdAt),
    });
  },
});

export const replayShow = defineCommand({
  name: 'replay show',
  summary: 'Show how far a replay is, and what it found',
  arguments: { id },
  options: {
    wait: flag('Wait for its end'),
    findings: flag('What it found, conversation by conversation'),
    ...listOptions,
  },
  examples: [
    [`replay show ${exampleReplay} --wait`, 'with progress, until it is over'],
    [`replay show ${exampleReplay} --findings`, 'where it differs'],
  ],
  async run({ args, options }, session) {
    const { api, out } = session;
    const path = `/v1/replays/${encodeURIComponent(args.id)}`;
    if (options.findings) {
      const page = await api().list<ReplayFinding>(`${path}/findings`, {}, options.limit, options.cursor);
      return showFindings(session, page);
    }
    const now = await api().get<ReplayItem>(path);
    if (options.wait) return watchReplay(session, now);
    out.result(now, () => replayLines(out, now));
    return exitCodeOf(now);
  },
});

const showFindings = ({ out }: Session, page: Page<ReplayFinding>): ExitCode =>
  showPage(out, page, {
    CONVERSATION: (one) => one.conversationId ?? `partition ${one.partition ?? '?'}`,
    VERDICT: (one) => one.verdict,
    OFFSET: (one) => one.offset ?? one.unknownFrom?.offset,
    WHAT: (one) => one.what ?? one.unknownFrom?.reason,
    RECORDED: (one) => one.recorded,
    FOLDED: (one) => one.folded ?? one.machine,
  });

export const replayCancel = defineCommand({
  name: 'replay cancel',
  summary: 'Give a replay up; what it found stays',
  arguments: { id },
  examples: [[`replay cancel ${exampleReplay}`, 'it ends within moments']],
  async run({ args }, { api, out }) {
    const now = await api().delete<ReplayItem>(`/v1/replays/${encodeURIComponent(args.id)}`);
    out.result(now, () => replayLines(out, now));
    return exitCodes.ok;
  },
});
