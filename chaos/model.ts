/**
 * What the machine of the chaos runs says (`programs/history-machine.ts`): to every message its count
 * and a hash of all that was said before. One message lost, doubled or out of turn changes every later
 * reply.
 */
import type { Expected } from './checker.ts';

/** Hash of nothing said yet. */
export const nothingSaid = 0x811c9dc5;

/** The hash after one more text (FNV-1a, 32 bits). */
export function nextHash(before: number, text: string): number {
  let hash = before;
  for (const unit of `${text}\n`) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash;
}

/** The words of one reply. */
export const replyText = (count: number, hash: number, text: string): string =>
  `${count} ${hash.toString(16).padStart(8, '0')} ${text}`;

/** Beginnings of texts by which a person makes the machine do something besides answering. */
export const prompts = {
  /** Asks an effect. */
  ask: 'ask',
  /** Ends the episode; what was said is carried into the next. */
  bye: 'bye',
  /** Makes the machine throw: its conversation is in quarantine from then on. */
  boom: 'boom',
  /** Makes the machine loop for ever. */
  loop: 'loop',
} as const;

const isPoison = (text: string): boolean => text.startsWith(prompts.boom) || text.startsWith(prompts.loop);

/** The replies to some texts of one conversation. Nothing is predicted of one that is poisoned. */
export const expectedReplies: Expected = (_actor, texts) => {
  if (texts.some(isPoison)) return undefined;
  let hash = nothingSaid;
  return texts.map((text, index) => {
    hash = nextHash(hash, text);
    return replyText(index + 1, hash, text);
  });
};
