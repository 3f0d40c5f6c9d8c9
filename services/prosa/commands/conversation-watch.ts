/** Watching one conversation: what was last, then what comes. */
import type { ConversationMessage, Step } from '../../api/routes/history.ts';
import { type Api, type Page } from '../api.ts';
import { follow } from '../follow.ts';
import { shortTime } from '../lists.ts';
import { printable } from '../output.ts';
import type { Session } from '../session.ts';

interface Watched {
  readonly id: string;
  /** Items of the past to begin with. */
  readonly last: number;
  readonly forMs: number | undefined;
}

const pageItems = 200;

const newest = <Item>(items: readonly Item[], count: number): readonly Item[] =>
  items.slice(Math.max(0, items.length - count));

/** The timeline, which has no personal data. */
export async function watchTimeline(session: Session, { id, last, forMs }: Watched): Promise<void> {
  const timeline = new Timeline(session.api(), id);
  for (const step of newest(await timeline.news(), last)) show(session, step);
  await follow(session, forMs, async () => {
    const steps = await timeline.news();
    for (const step of steps) show(session, step);
    return steps.length > 0;
  });
}

const show = ({ out }: Session, step: Step): void => {
  const outputs = step.outputs.map(({ type, name }) => (name === undefined ? type : `${type}:${name}`));
  const change = step.from === step.to ? step.to : `${step.from} → ${step.to}`;
  const effect = step.effect === undefined ? [] : effectParts(step.effect);
  const parts = [shortTime(step.at), step.offset, step.type, ...effect, step.outcome, change, ...outputs];
  out.item(step, () => [printable(parts.join('  '))]);
};

/** `model.propose done 412 ms stub 310+22 tokens 398 µ`: what an analyst wants to know of it. */
function effectParts({ source, outcome, reason, latencyMs, model }: NonNullable<Step['effect']>): readonly string[] {
  const took = latencyMs === undefined ? [] : [`${latencyMs.toString()} ms`];
  const { usage, seconds } = model ?? {};
  const amount =
    usage !== undefined
      ? [`${usage.inputTokens.toString()}+${usage.outputTokens.toString()} tokens`]
      : seconds !== undefined
        ? [`${seconds.toString()} s`]
        : [];
  const asked = model === undefined ? [] : [model.model, ...amount, `${model.costMicros.toString()} µ`];
  return [source ?? 'effect', reason ?? outcome, ...took, ...asked];
}

/** Reads a timeline on from where it was read to. Its last page is read again: it has no cursor of its end. */
class Timeline {
  readonly #api: Api;
  readonly #path: string;
  #cursor: string | undefined;
  #nextOffset = 0;

  constructor(api: Api, id: string) {
    this.#api = api;
    this.#path = `/v1/conversations/${encodeURIComponent(id)}/timeline`;
  }

  /** All steps since the last call. Of the first call only the newest page's worth is kept. */
  async news(): Promise<readonly Step[]> {
    let news: Step[] = [];
    for (;;) {
      const page = await this.#api.get<Page<Step>>(this.#path, { limit: pageItems, cursor: this.#cursor });
      const fresh = page.items.filter(({ offset }) => offset >= this.#nextOffset);
      news = [...news, ...fresh].slice(-pageItems);
      this.#nextOffset = (fresh.at(-1)?.offset ?? this.#nextOffset - 1) + 1;
      if (page.next === null) return news;
      this.#cursor = page.next;
    }
  }
}

/**
 * What is said. Each look at messages is audited, so that they are looked at when the timeline tells that
 * something happened, and then once.
 */
export async function watchMessages(session: Session, { id, last, forMs }: Watched): Promise<void> {
  const { out } = session;
  const api = session.api();
  const path = `/v1/conversations/${encodeURIComponent(id)}/messages`;
  const timeline = new Timeline(api, id);
  const told = new Map<string, string>();
  /** The newest messages that are new or changed, oldest first. */
  const changed = async (): Promise<readonly ConversationMessage[]> => {
    const { items } = await api.get<Page<ConversationMessage>>(path, { order: 'desc', limit: pageItems });
    const fresh = items.filter((one) => told.get(one.id) !== versionOf(one)).toReversed();
    told.clear();
    for (const one of items) told.set(one.id, versionOf(one));
    return fresh;
  };
  const say = (one: ConversationMessage): void => {
    out.item(one, () => [printable([shortTime(one.at), one.origin, one.status ?? 'received', textOf(one)].join('  '))]);
  };
  await timeline.news();
  for (const one of newest(await changed(), last)) say(one);
  let looks = 0;
  await follow(session, forMs, async () => {
    // The history is written a moment after the timeline.
    if ((await timeline.news()).length > 0) looks = looksAfterNews;
    if (looks === 0) return false;
    looks -= 1;
    for (const one of await changed()) say(one);
    return true;
  });
}

const looksAfterNews = 3;

const versionOf = ({ status, changes, erased }: ConversationMessage): string =>
  `${status ?? ''}/${changes.length}/${String(erased ?? false)}`;

const textOf = ({ text, kind, erased, changes }: ConversationMessage): string => {
  const said = erased === true ? '(erased)' : (text ?? `(${kind})`);
  const last = changes.at(-1);
  return last === undefined ? said : `${said}  [${last.change}${last.text === undefined ? '' : `: ${last.text}`}]`;
};
