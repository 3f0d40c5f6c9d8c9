/** A question that is open while the conversation waits for the person. */
import type { ActionParams } from '#machines/machine.ts';
import type { ConversationContext } from './context.ts';
import type { Of } from './setup.ts';
import type { ToolName } from './tools.ts';

/** How a question is asked, and what a model may propose for the answer. */
export interface Question {
  /** Asks it, alone: for the first time, and again below "I did not understand". */
  readonly ask: (of: Of) => ActionParams['reply'];
  /** Beside `route` and `unclear`, which are always there. */
  readonly tools: readonly ToolName[];
  /** What has been shown and can be chosen, by its handle. */
  readonly handles?: (context: ConversationContext) => readonly { readonly handle: string; readonly label: string }[];
  /** What a model needs to know for this question; nothing that identifies the person. */
  readonly facts?: (context: ConversationContext) => Readonly<Record<string, string>>;
}
