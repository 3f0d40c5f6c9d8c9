/**
 * The conversation that every peer holds, as a plain function: a person greets, gives a name, then
 * chooses, again and again. Three states, a counter, texts of 400 bytes, one reply to each message.
 *
 * The peers in JavaScript call `step`; the XState machine (`machine.ts`) and the Java one
 * (`streams/Conversation.java`) say the same in their own words. Every reply and every final state is
 * compared with `replyTo` and `stateAfter`.
 */

/** State of one conversation. */
export interface ConversationState {
  readonly state: 'greeting' | 'naming' | 'choosing';
  readonly name: string;
  /** Messages so far. */
  readonly count: number;
}

/** What a message does. */
export interface Stepped {
  readonly after: ConversationState;
  readonly reply: string;
  /** Whether a timer of `patienceMs` is set; it takes the place of the one before. */
  readonly setsTimer: boolean;
}

/** Before the first message. */
export const fresh: ConversationState = { state: 'greeting', name: '', count: 0 };

/** Of the timers. None fires while a bench runs. */
export const patienceMs = 24 * 3_600_000;

const textBytes = 400;

/** What a message says: its first line; the rest makes it as long as messages are. */
export const wordOf = (text: string): string => text.slice(0, text.indexOf('\n'));

/** A reply as it is sent. */
export const replyText = (count: number, state: string, words: string): string =>
  `${count} ${state}: ${words} `.padEnd(textBytes, '.');

/** One message. Pure. */
export function step(before: ConversationState, text: string): Stepped {
  const word = wordOf(text);
  const count = before.count + 1;
  switch (before.state) {
    case 'greeting':
      return stepped({ ...before, state: 'naming', count }, 'Hello, what is your name?', true);
    case 'naming':
      return stepped({ state: 'choosing', name: word, count }, `Welcome, ${word}. Choose 1, 2 or 3.`, true);
    case 'choosing':
      // 3 asks to be reminded.
      return stepped({ ...before, count }, `${before.name}, you chose ${word}.`, word === '3');
  }
}

const stepped = (after: ConversationState, words: string, setsTimer: boolean): Stepped => ({
  after,
  reply: replyText(after.count, after.state, words),
  setsTimer,
});

/** What a person says as their message number `n`, from 0: the same for everybody. */
export function messageText(n: number): string {
  const word = n === 0 ? 'Oi' : n === 1 ? 'Maria da Silva' : String(((n - 2) % 3) + 1);
  return `${word}\n`.padEnd(textBytes, '.');
}

const states: ConversationState[] = [fresh];
const replies: string[] = [];

/** State after `n` messages. */
export function stateAfter(n: number): ConversationState {
  for (let next = replies.length; next < n; next++) {
    const { after, reply } = step(states[next] ?? fresh, messageText(next));
    states.push(after);
    replies.push(reply);
  }
  return states[n] ?? fresh;
}

/** The reply to message number `n`. */
export function replyTo(n: number): string {
  stateAfter(n + 1);
  return replies[n] ?? '';
}
