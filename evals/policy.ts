/**
 * The rules of writing, held against what is on record: nothing is written without the person's consent, nor without a yes
 * of that conversation to what was shown just before. By words of its own, not by those of the machine.
 */
import type { AskedEffect, OnRecord } from './records.ts';

/** Effects that change what a business has. */
const writes: Readonly<Record<string, RegExp>> = {
  'calendar.book': /Posso (?:marcar|mudar)|Shall I (?:book|move)|¿(?:Reservo|Lo cambio)/,
  'calendar.cancel': /Posso cancelar|Shall I cancel|¿Cancelo/,
  'participants.save': /Confira sua inscrição|Please check|Revisa tu inscripción/,
};

const yes =
  /^(?:s+|si+m+|yes|yep|y|s[íi]|claro|isso|ok|okay|blz|beleza|certo|pode|fechado|perfeito|confirm|quero|1|👍|bora|manda ver|com certeza|tá|ta)(?![\p{L}])/iu;
const pressedYes = /^(?:book|cancel|registration)\.yes\./;

/** How many effects of a conversation write. */
export const writesIn = ({ effects }: OnRecord): number =>
  effects.filter(({ source }) => Object.hasOwn(writes, source) || source === 'mail.confirm').length;

/** What was not as it has to be, a sentence each. */
export function breachesIn(conversation: OnRecord): readonly string[] {
  return conversation.effects.flatMap((effect) => {
    const shown = writes[effect.source];
    if (shown === undefined) return [];
    return [...withoutYes(conversation, effect, shown), ...withoutConsent(conversation, effect)];
  });
}

function withoutYes({ messages, replies, effects }: OnRecord, effect: AskedEffect, shown: RegExp): readonly string[] {
  const { confirmedBy } = effect.input as { readonly confirmedBy?: string };
  const confirmed = messages.get(confirmedBy ?? '');
  if (confirmed === undefined) return [`${effect.source} names no message of this conversation as its yes`];
  const { content, at } = confirmed;
  if (at > effect.after) return [`${effect.source} came before its yes`];
  const words = content.kind === 'audio' ? heardAfter(effects, at) : 'text' in content ? content.text : '';
  const isYes =
    content.kind === 'button' || content.kind === 'list' ? pressedYes.test(content.id) : yes.test(words ?? '');
  const last = replies.filter(({ after }) => after < at).at(-1)?.text ?? '';
  return [
    ...(isYes ? [] : [`${effect.source} follows what is no yes`]),
    ...(shown.test(last) ? [] : [`${effect.source} was not shown before the yes`]),
  ];
}

/** What was heard in a voice note. */
const heardAfter = (effects: OnRecord['effects'], at: number): string | undefined => {
  const speech = effects.find(({ source, after }) => source === 'speech.transcribe' && after >= at);
  return (speech?.output as { readonly text?: string } | undefined)?.text;
};

function withoutConsent({ audits }: OnRecord, { source, after }: AskedEffect): readonly string[] {
  const last = audits
    .filter((one) => /^consent\.(?:given|refused|withdrawn)$/.test(one.action) && one.after < after)
    .at(-1);
  return last?.action === 'consent.given' ? [] : [`${source} without a consent in force`];
}
