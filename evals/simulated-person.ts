/**
 * A simulated person: reads what arrives at the phone and answers it by what it reads like, never by chance. Everything
 * is bounded: what is not answered in time ends the conversation.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { PhoneMessage } from '#runtime/simulator/simulator-phone.ts';

import type { Installation } from './installation.ts';
import type { ModelServers } from './models.ts';
import { type Answer, type Saying, type Someone, type Who, phones } from './task.ts';

/** A message of a dialogue, as both sides saw it. */
export interface Line {
  readonly by: 'person' | 'us';
  readonly text: string;
  /** How the person said it, when it was not written. */
  readonly means?: 'voice' | 'picture' | 'press' | 'other';
}

/** How a person left. */
export interface Left {
  readonly who: Who;
  readonly content: boolean;
  readonly lines: readonly Line[];
}

/** Where they talk. */
export interface Stage {
  readonly installation: Pick<Installation, 'post' | 'phone'>;
  readonly models: Pick<ModelServers, 'voiceNote' | 'picture'>;
  readonly tenant: string;
  /** Silence of ours after which a person gives up. Milliseconds. */
  readonly patienceMs: number;
  /** All that anybody read so far, for people who go by others. */
  readonly read: Map<Who, string[]>;
}

const lookMs = { first: 12, growth: 1.4, last: 60 } as const;
const linesMax = 120;

/** Talks until the person is content or gives up. */
export async function converse(stage: Stage, someone: Someone): Promise<Left> {
  const talk = new Talk(stage, someone);
  const content = await talk.run();
  return { who: someone.who, content, lines: talk.lines };
}

class Talk {
  readonly lines: Line[] = [];
  readonly #stage: Stage;
  readonly #someone: Someone;
  readonly #left: { readonly asked: RegExp; readonly says: Saying[] }[];
  readonly #own: string[] = [];
  #cursor = '0';
  #choices: readonly { readonly kind: 'button' | 'list'; readonly id: string; readonly title: string }[] = [];
  #said = 0;

  constructor(stage: Stage, someone: Someone) {
    this.#stage = stage;
    this.#someone = someone;
    this.#left = someone.answers.map(([asked, ...says]: Answer) => ({ asked, says }));
    stage.read.set(someone.who, this.#own);
  }

  async run(): Promise<boolean> {
    const { opens, until, after } = this.#someone;
    if (after !== undefined && !(await this.#hearsOf(after))) return false;
    await this.#say(opens);
    while (this.lines.length < linesMax) {
      const received = await this.#receive();
      if (received.length === 0) return false;
      for (const message of received) {
        this.#read(message);
        const answer = this.#answerTo(message.text);
        if (answer !== undefined) await this.#say(answer);
        else if (until.test(message.text)) return true;
      }
    }
    return false;
  }

  /** Waits until somebody else has read something. */
  async #hearsOf({ who, reads }: NonNullable<Someone['after']>): Promise<boolean> {
    const until = performance.now() + this.#stage.patienceMs;
    while (performance.now() < until) {
      if (this.#stage.read.get(who)?.some((text) => reads.test(text)) === true) return true;
      await sleep(lookMs.last);
    }
    return false;
  }

  async #receive(): Promise<readonly PhoneMessage[]> {
    const { installation, tenant, patienceMs } = this.#stage;
    const until = performance.now() + patienceMs;
    for (
      let pause: number = lookMs.first;
      performance.now() < until;
      pause = Math.min(pause * lookMs.growth, lookMs.last)
    ) {
      await sleep(pause);
      const page = await installation.phone.read({
        tenant,
        phone: phones[this.#someone.who],
        after: this.#cursor,
        limit: 50,
      });
      this.#cursor = page.next;
      if (page.items.length > 0) return page.items;
    }
    return [];
  }

  #read({ text, buttons, list }: PhoneMessage): void {
    this.lines.push({ by: 'us', text });
    this.#own.push(text);
    if (buttons !== undefined) this.#choices = buttons.map((one) => ({ kind: 'button', ...one }));
    if (list !== undefined)
      this.#choices = list.sections.flatMap(({ rows }) => rows.map(({ id, title }) => ({ kind: 'list', id, title })));
  }

  #answerTo(text: string): Saying | undefined {
    return this.#left.find(({ asked, says }) => says.length > 0 && asked.test(text))?.says.shift();
  }

  async #say(saying: Saying): Promise<void> {
    if (typeof saying === 'string') await this.#post({ text: saying }, saying);
    else if ('burst' in saying) await this.#burst(saying.burst);
    else if ('voice' in saying) {
      const media = {
        kind: 'audio',
        voice: true,
        mimetype: 'audio/ogg',
        url: this.#stage.models.voiceNote(saying.voice),
      };
      await this.#post({ media }, saying.voice, 'voice');
    } else if ('picture' in saying) {
      const caption = saying.caption === undefined ? {} : { caption: saying.caption };
      const url = this.#stage.models.picture(saying.picture);
      await this.#post({ media: { kind: 'image', mimetype: 'image/png', url, ...caption } }, saying.picture, 'picture');
    } else if ('presses' in saying) {
      const choice = this.#choices.find(({ title }) => saying.presses.test(title));
      if (choice === undefined) throw new Error(`there is nothing to be pressed like ${String(saying.presses)}`);
      const { kind, ...pressed } = choice;
      await this.#post({ [kind]: pressed }, choice.title, 'press');
    } else await this.#post(saying.sends, Object.keys(saying.sends).join(), 'other');
  }

  async #burst(texts: readonly string[]): Promise<void> {
    for (const text of texts) await this.#post({ text }, text);
  }

  async #post(content: object, text: string, means?: Line['means']): Promise<void> {
    const { who, profile } = this.#someone;
    const { installation, tenant } = this.#stage;
    this.lines.push({ by: 'person', text, ...(means === undefined ? {} : { means }) });
    this.#said += 1;
    await installation.post(tenant, {
      from: phones[who],
      messageId: `${tenant}-${who}-${this.#said.toString()}`,
      ...(profile === undefined ? {} : { name: profile }),
      ...content,
    });
  }
}
