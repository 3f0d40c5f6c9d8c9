/**
 * What somebody wants who has not agreed or given a name yet ("oi, quero marcar uma limpeza"). It is kept, nothing is done
 * about it, and it is heard once they have: nobody has to say it twice. A refusal forgets it.
 */
import { namesService } from '#machines/scheduling/request.ts';
import { commandIn, thanksIn } from './commands.ts';
import type { ConversationContext } from './context.ts';
import type { Heard } from './hearing.ts';
import type { Lexicon } from './lexicon.ts';
import { nameOf, textOf } from './understanding.ts';

/** Whether the message is about something that can be done once there is a consent. */
export function isWish(context: ConversationContext, heard: Heard): boolean {
  const hearing = { ...context, heard };
  const command = commandIn(hearing);
  return command === undefined ? offersBooking(context) && namesService(hearing) : wishes.has(command);
}

/** The name in a message; a wish is none ("cancela a limpeza"), but may stand beside one ("sou a Ana, quero marcar"). */
export function nameIn(context: ConversationContext, heard: Heard, lexicon: Lexicon): string | undefined {
  const whole = isWish(context, heard) ? undefined : nameOf(heard.content, lexicon);
  return whole ?? nameBeside(context, heard, lexicon);
}

/** Before a wish or thanks: "me chamo Ana, quero marcar uma limpeza", "Ana, valeu". */
function nameBeside(context: ConversationContext, heard: Heard, lexicon: Lexicon): string | undefined {
  const [first, ...others] = (textOf(heard.content) ?? '').split(/[,;.!?\n]/u);
  const rest = others.join(' ').trim();
  if (first === undefined || rest === '') return undefined;
  const wished: Heard = { ...heard, content: { kind: 'text', text: rest } };
  const isMore = isWish(context, wished) || thanksIn({ ...context, heard: wished });
  return isMore ? nameOf({ kind: 'text', text: first }, lexicon) : undefined;
}

const offersBooking = ({ settings }: ConversationContext): boolean => (settings.agents ?? []).includes('scheduling');
const wishes: ReadonlySet<string> = new Set([
  'scheduling',
  'appointments',
  'cancel',
  'move',
  'registration',
  'information',
  'person',
]);
