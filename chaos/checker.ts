/**
 * Judges a history. Pure: what it knows is in the history, and what the machine ought to have said.
 *
 * Names as in Jepsen's queue checker where there is one; what each means here is `anomalyNames`.
 */
import { pointerLife } from '../services/media/limits.ts';
import type { History, Place, SeenRecord } from './history.ts';

/** Every anomaly there is a name for, with its meaning. */
export const anomalyNames = {
  lost: 'what was acknowledged, or what follows from it, is not there',
  duplicate: 'done more than once',
  'aborted-read': 'somebody acted on a record that is not on the log',
  'inconsistent-offset': 'two readers saw different records at one offset',
  'poll-skip': 'a reader went past a committed record without seeing it',
  'non-monotonic': 'a reader, or the replies of a conversation, went back',
  unseen: 'a committed record was still not processed when the run was over',
  'state-divergence': 'stored state, or what was said, is not what the records make',
  'effect-without-cause': 'an output that no record on the log accounts for',
  'stale-snapshot': 'what is stored went back',
  'timer-ghost': 'a timer acted after it was cancelled, replaced or had acted',
} as const;

/** A name. */
export type AnomalyName = keyof typeof anomalyNames;

/** One finding. */
export interface Anomaly {
  readonly name: AnomalyName;
  /** What it is about: ids, places and numbers. */
  readonly about: string;
}

/**
 * What the machine answers to the messages of one conversation, in the order in which it was told them:
 * one reply to each. Undefined for a conversation that is not predicted (a poisoned one, say).
 */
export type Expected = (actor: string, texts: readonly string[]) => readonly string[] | undefined;

/** Consumer group of the hosts. */
const hosts = 'conversation';

type Check = (run: Run) => readonly Anomaly[];

/** Everything that is wrong with a history; nothing when all is well. */
export function check(history: History, expected: Expected): readonly Anomaly[] {
  const run = new Run(history, expected);
  return checks.flatMap((one) => one(run));
}

/** How often each name occurs. */
export function countAnomalies(anomalies: readonly Anomaly[]): Readonly<Record<AnomalyName, number>> {
  const counts = Object.fromEntries(Object.keys(anomalyNames).map((name) => [name, 0])) as Record<AnomalyName, number>;
  for (const { name } of anomalies) counts[name] += 1;
  return counts;
}

/** A history with what several checks look up. */
class Run {
  readonly history: History;
  readonly expected: Expected;
  /** By event id; of records that are there more than once, the first. */
  readonly byId = new Map<string, SeenRecord>();
  readonly byPlace = new Map<string, SeenRecord>();
  /** What was written because of a record, by its event id. */
  readonly effectsOf: ReadonlyMap<string | null, readonly SeenRecord[]>;
  /** Records that actors were told, in the order of the log. */
  readonly events: readonly SeenRecord[];
  /** Conversations that were merged, or merged into, with all that are one with them. */
  readonly merged = new Map<string, Set<string>>();

  constructor(history: History, expected: Expected) {
    this.history = history;
    this.expected = expected;
    const { log } = history;
    const inOrder = [...log].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
    for (const record of inOrder) {
      if (!this.byId.has(record.eventId)) this.byId.set(record.eventId, record);
      this.byPlace.set(placeText(record), record);
    }
    this.effectsOf = Map.groupBy(inOrder, ({ causationId }) => causationId);
    this.events = inOrder.filter(({ topic }) => topic === 'events');
    for (const { actor, into } of this.events) {
      if (into === undefined) continue;
      const all = new Set([actor, into, ...(this.merged.get(actor) ?? []), ...(this.merged.get(into) ?? [])]);
      for (const one of all) this.merged.set(one, all);
    }
  }

  on(topic: Place['topic']): readonly SeenRecord[] {
    return this.history.log.filter((record) => record.topic === topic);
  }

  /** What a slice wrote because of a record. */
  outputsOf({ eventId }: SeenRecord): readonly SeenRecord[] {
    return (this.effectsOf.get(eventId) ?? []).filter(({ transactional }) => transactional);
  }

  /** Whether the hosts never came to a record: that is `unseen`, and not also lost. */
  isUnseen({ partition, offset }: SeenRecord): boolean {
    return this.history.positions.some(
      (one) => one.group === hosts && one.partition === partition && (one.committed ?? 0) <= offset,
    );
  }

  /** Offset of the record that made an actor write something. */
  causeOffset({ causationId }: SeenRecord): number | undefined {
    return this.byId.get(causationId ?? '')?.offset;
  }
}

const placeText = ({ topic, partition, offset }: Place): string => `${topic}/${partition}/${offset}`;
const found = (name: AnomalyName, about: string): Anomaly => ({ name, about });

/** What was acknowledged is on the log. */
const inputs: Check = ({ history, events }) => {
  const known = new Set(events.flatMap(({ message }) => message ?? []));
  return history.inputs
    .filter(({ message, acknowledged }) => acknowledged && !known.has(message))
    .map(({ message }) => found('lost', `message ${message} is not on the log`));
};

/** What a slice writes is there once. */
const ids: Check = ({ history }) => {
  const places = Map.groupBy(
    history.log.filter(({ transactional }) => transactional),
    ({ eventId }) => eventId,
  );
  return [...places.values()]
    .filter((same) => same.length > 1)
    .map((same) => found('duplicate', `${same[0]?.type} ${same[0]?.eventId} at ${same.map(placeText).join(', ')}`));
};

/** What a slice writes follows from a record. */
const causes: Check = ({ history, byId }) =>
  history.log
    .filter(({ transactional, causationId, actor }) => transactional && byId.get(causationId ?? '')?.actor !== actor)
    .map((record) => found('effect-without-cause', `${record.type} ${record.eventId} at ${placeText(record)}`));

/** Every message of a conversation is answered once, with what its history makes of it, in order. */
const replies: Check = (run) => {
  const anomalies: Anomaly[] = [];
  const messages = Map.groupBy(
    run.events.filter(({ message }) => message !== undefined),
    ({ actor }) => actor,
  );
  for (const [actor, told] of messages) {
    // Of those `merges` judges.
    if (run.merged.has(actor)) continue;
    const firsts = [...new Map([...told].reverse().map((record) => [record.message, record])).values()].reverse();
    const inOrder = firsts.sort((a, b) => a.offset - b.offset);
    const expected = run.expected(
      actor,
      inOrder.map(({ text }) => text ?? ''),
    );
    if (expected === undefined) continue;
    let before = -1;
    for (const [index, record] of inOrder.entries()) {
      const same = told.filter(({ message }) => message === record.message);
      const answers = same.flatMap((one) => run.outputsOf(one).filter(({ topic }) => topic === 'replies'));
      const [answer] = answers;
      const about = `reply to message ${index + 1} of ${actor} (${placeText(record)})`;
      if (answer === undefined && !run.isUnseen(record)) anomalies.push(found('lost', about));
      if (new Set(answers.map(({ eventId }) => eventId)).size > 1) anomalies.push(found('duplicate', about));
      if (answer !== undefined && answer.text !== expected[index]) anomalies.push(found('state-divergence', about));
      if (answer !== undefined && answer.offset < before) anomalies.push(found('non-monotonic', about));
      before = Math.max(before, answer?.offset ?? -1);
    }
  }
  return anomalies;
};

/** What was said to conversations that were merged is answered once, whichever of them does. */
const merges: Check = (run) => {
  const anomalies: Anomaly[] = [];
  const answers = Map.groupBy(
    run.on('replies').filter(({ actor, type }) => run.merged.has(actor) && type === 'reply.requested'),
    ({ causationId }) => run.byId.get(causationId ?? '')?.message,
  );
  const told = run.events.filter(
    ({ actor, message, forwarded }) => run.merged.has(actor) && message !== undefined && forwarded !== true,
  );
  for (const [message, [first]] of Map.groupBy(told, (record) => record.message)) {
    if (first === undefined) continue;
    const count = new Set(answers.get(message)?.map(({ eventId }) => eventId)).size;
    const about = `reply to ${message} of a merged conversation (${placeText(first)})`;
    if (count === 0 && !run.isUnseen(first)) anomalies.push(found('lost', about));
    if (count > 1) anomalies.push(found('duplicate', about));
  }
  return anomalies;
};

/** A clock went ahead of the life of its pointer while a file was waited for: the provider would not have it any more. */
const isExpired = (message: SeenRecord, { type, reason, occurredAt = 0 }: SeenRecord): boolean =>
  type === 'media.failed' &&
  reason === 'file.expired' &&
  occurredAt - (message.occurredAt ?? occurredAt) > pointerLife('waha');

/** The file of every message is fetched once, and can be read. */
const files: Check = (run) => {
  if (run.history.posts === undefined) return [];
  const anomalies: Anomaly[] = [];
  const results = Map.groupBy(
    run.events.filter(({ type, forwarded }) => type.startsWith('media.') && !forwarded),
    ({ messageEventId }) => messageEventId,
  );
  for (const record of run.byId.values()) {
    if (record.hasFile !== true) continue;
    const all = results.get(record.eventId) ?? [];
    const about = `file of ${record.eventId} (${placeText(record)})`;
    const [result] = all;
    if (result === undefined || (result.type !== 'media.stored' && !isExpired(record, result)))
      anomalies.push(found('lost', about));
    if (new Set(all.map(({ eventId }) => eventId)).size > 1) anomalies.push(found('duplicate', about));
    if (result?.file === 'not there') anomalies.push(found('lost', `${about} cannot be read`));
    if (result?.file === 'other bytes') anomalies.push(found('state-divergence', about));
  }
  for (const [message, [result]] of results)
    if (run.byId.get(message ?? '')?.hasFile !== true)
      anomalies.push(
        found('effect-without-cause', `file of ${message} at ${result === undefined ? '' : placeText(result)}`),
      );
  return anomalies;
};

/** Types of records that the tenant's endpoint asked for. */
export const toldOf = ['message.received', 'media.stored'] as const;

/** The tenant's endpoint is told of every event, under one id, and of nothing else. In which order is not promised. */
const told: Check = ({ history: { posts }, byId }) => {
  if (posts === undefined) return [];
  const anomalies: Anomaly[] = [];
  const postsOf = Map.groupBy(posts, ({ eventId }) => eventId);
  for (const record of byId.values()) {
    if (record.forwarded === true || !toldOf.some((type) => type === record.type)) continue;
    const ids = new Set(postsOf.get(record.eventId)?.map(({ id }) => id));
    if (ids.size === 0) anomalies.push(found('lost', `webhook of ${record.type} ${record.eventId}`));
    if (ids.size > 1) anomalies.push(found('duplicate', `webhook of ${record.eventId} under ${ids.size} ids`));
  }
  for (const eventId of postsOf.keys()) {
    const record = byId.get(eventId);
    if (record === undefined) anomalies.push(found('aborted-read', `webhook of ${eventId}, which is not on the log`));
    if (record?.forwarded === true) anomalies.push(found('duplicate', `webhook of the copy ${eventId}`));
  }
  return anomalies;
};

/** Readers see the records of the log, all of them from where they began, in order. */
const readings: Check = ({ history, byPlace }) => {
  const anomalies: Anomaly[] = [];
  const offsets = Map.groupBy(byPlace.values(), ({ topic, partition }) => `${topic}/${partition}`);
  for (const { reader, records } of history.readings) {
    for (const [index, seen] of records.entries()) {
      const about = `${reader} at ${placeText(seen)}`;
      const there = byPlace.get(placeText(seen));
      if (there === undefined) anomalies.push(found('aborted-read', about));
      else if (there.eventId !== seen.eventId) anomalies.push(found('inconsistent-offset', about));
      const before = records[index - 1];
      if (before === undefined) continue;
      if (seen.offset <= before.offset) anomalies.push(found('non-monotonic', about));
      if (seen.offset <= before.offset + 1) continue;
      const between = (offsets.get(`${seen.topic}/${seen.partition}`) ?? []).filter(
        ({ offset }) => offset > before.offset && offset < seen.offset,
      );
      for (const skipped of between) anomalies.push(found('poll-skip', `${reader} past ${placeText(skipped)}`));
    }
  }
  return anomalies;
};

/** Groups came to the end. */
const positions: Check = ({ history }) =>
  history.positions
    .filter(({ committed, end }) => (committed ?? 0) < end)
    .map(({ group, topic, partition, committed, end }) =>
      found('unseen', `${group} at ${topic}/${partition}/${committed ?? 'nowhere'}, which ends at ${end}`),
    );

/** What is stored goes forward. */
const stored: Check = ({ history }) => {
  const anomalies: Anomaly[] = [];
  const furthest = new Map<string, number>();
  for (const { era, of, nextOffset } of history.stored) {
    const before = furthest.get(`${era} ${of}`) ?? nextOffset;
    if (nextOffset < before) anomalies.push(found('stale-snapshot', `${of} from ${before} to ${nextOffset}`));
    furthest.set(`${era} ${of}`, Math.max(before, nextOffset));
  }
  return anomalies;
};

/** What is stored is what the records make. */
const states: Check = ({ history }) =>
  history.states
    .filter((state) => state.stored !== state.folded)
    .map(({ actor }) => found('state-divergence', `stored state of ${actor}`));

/** A timer acts once, while it is the one in force. */
const timers: Check = (run) => {
  const anomalies: Anomaly[] = [];
  const sets = Map.groupBy(
    run.on('timers').filter(({ type }) => type === 'timer.set'),
    ({ actor, timerId }) => `${actor} ${timerId}`,
  );
  const cancelled = new Map(
    run
      .on('timers')
      .filter(({ type }) => type === 'timer.cancelled')
      .map((record) => [record.generation, run.causeOffset(record) ?? -1]),
  );
  const acted = new Set<string>();
  for (const fired of run.events.filter(({ type }) => type === 'timer.fired')) {
    // The same record twice on the log is one firing, and what the first did names both as its cause.
    if (run.byId.get(fired.eventId) !== fired || run.outputsOf(fired).length === 0) continue;
    const { actor, timerId, generation = '', offset } = fired;
    const known = (sets.get(`${actor} ${timerId}`) ?? []).filter((set) => (run.causeOffset(set) ?? Infinity) < offset);
    const newest = known.sort((a, b) => (run.causeOffset(a) ?? 0) - (run.causeOffset(b) ?? 0)).at(-1);
    const ghost = newest?.eventId !== generation || (cancelled.get(generation) ?? Infinity) < offset;
    if (ghost || acted.has(generation))
      anomalies.push(found('timer-ghost', `${timerId} of ${actor} at ${placeText(fired)}`));
    acted.add(generation);
  }
  return anomalies;
};

/** An effect's answer is taken once, while it is waited for. */
const effects: Check = (run) => {
  const anomalies: Anomaly[] = [];
  const offsetsOf = (type: string): ReadonlyMap<string | undefined, number> =>
    new Map(
      run
        .on('effects')
        .filter((record) => record.type === type)
        .map((record) => [record.effectId, run.causeOffset(record) ?? -1]),
    );
  const [requested, cancelled] = [offsetsOf('effect.requested'), offsetsOf('effect.cancelled')];
  const taken = new Set<string>();
  for (const completed of run.events.filter(({ type }) => type === 'effect.completed')) {
    const { effectId = '', offset } = completed;
    if (run.byId.get(completed.eventId) !== completed) continue;
    // That an answer came too late is told, and nothing more.
    const acted = run.outputsOf(completed).some(({ action }) => action !== 'effect.orphaned');
    if (!acted) continue;
    const about = `answer to ${effectId} at ${placeText(completed)}`;
    if ((requested.get(effectId) ?? Infinity) >= offset || (cancelled.get(effectId) ?? Infinity) < offset)
      anomalies.push(found('effect-without-cause', about));
    if (taken.has(effectId)) anomalies.push(found('duplicate', about));
    taken.add(effectId);
  }
  return anomalies;
};

/** Every reply is one delivery, every delivery one message at the provider, or shown as not known. */
const deliveries: Check = ({ history, byId }) => {
  const { deliveries: rows, arrivals = [], repeatsAllowed } = history;
  if (rows === undefined) return [];
  const anomalies: Anomaly[] = [];
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  const known = new Set(rows.map(({ clientMessageId }) => clientMessageId));
  const arrived = new Set(arrivals.map(({ clientMessageId }) => clientMessageId));
  for (const { eventId, topic, type } of byId.values()) {
    if (topic === 'replies' && type === 'reply.requested' && !rowOf.has(eventId))
      anomalies.push(found('lost', `delivery of ${eventId}`));
  }
  for (const { id, clientMessageId, flagged, status } of rows) {
    if (!byId.has(id)) anomalies.push(found('aborted-read', `delivery ${id} of a reply that is not on the log`));
    if (!flagged && !arrived.has(clientMessageId)) anomalies.push(found('lost', `delivery ${id} is ${status}`));
  }
  // That it is shown as not known does not excuse that it happens by itself.
  const unknown = rows.filter(({ flagged, clientMessageId }) => flagged && !arrived.has(clientMessageId));
  for (const { id } of unknown.slice(repeatsAllowed)) anomalies.push(found('lost', `delivery ${id} is not known`));
  for (const { clientMessageId } of arrivals) {
    if (!known.has(clientMessageId)) anomalies.push(found('effect-without-cause', `message ${clientMessageId}`));
  }
  const repeats = arrivals.flatMap(({ clientMessageId, calls }) =>
    Array.from({ length: calls - 1 }, () => clientMessageId),
  );
  for (const clientMessageId of repeats.slice(repeatsAllowed))
    anomalies.push(found('duplicate', `call for message ${clientMessageId}`));
  return anomalies;
};

const checks: readonly Check[] = [
  inputs,
  ids,
  causes,
  replies,
  readings,
  positions,
  stored,
  states,
  timers,
  effects,
  deliveries,
  merges,
  files,
  told,
];
