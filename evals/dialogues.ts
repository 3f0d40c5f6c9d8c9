/** Dialogues of a run as Markdown, for people to read. */
import type { Trial } from './run.ts';
import type { Line } from './simulated-person.ts';

/** Tasks whose dialogues the README shows. */
export const shownInReadme: readonly string[] = ['clinica-br/por-voz', 'clinica-br/remarca', 'congresso/de-uma-vez'];

const marks = { voice: '🎤 ', picture: '🖼️ ', press: '👆 ', other: '📎 ' } as const;

/** Where the README has them. */
const begins = '<!-- dialogues: npx prosa eval --readme -->';
const ends = '<!-- /dialogues -->';

/** The dialogues of some trials; with `brief` only the first has the greeting, which is the same in all. */
export function dialoguesOf(trials: readonly Trial[], { brief = false }: { readonly brief?: boolean } = {}): string {
  return trials
    .flatMap(({ task, dialogues }, index) =>
      dialogues.map(({ lines }) => {
        const begins = brief && index > 0 ? lines.findIndex(({ text }) => text.includes('Como posso ajudar')) : 0;
        const said = lines.slice(Math.max(0, begins)).map(shown).join('\n>\n');
        return `**${task.purpose}** (\`${task.id}\`)\n\n${said}`;
      }),
    )
    .join('\n\n');
}

/** A text with the dialogues in the place that it has for them. Throws when it has none. */
export function withDialogues(text: string, dialogues: string): string {
  const [from, to] = [text.indexOf(begins), text.indexOf(ends)];
  if (from < 0 || to < from) throw new Error('there is no place for dialogues');
  return `${text.slice(0, from + begins.length)}\n\n${dialogues}\n\n${text.slice(to)}`;
}

function shown({ by, text, means }: Line): string {
  const mark = means === undefined ? '' : marks[means];
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  // WhatsApp's bold is Markdown's italics; what hides digits is neither.
  const words = lines
    .map((line) =>
      line.replaceAll(/\*{2,}|\*([^*]+)\*/g, (all, bold?: string) =>
        bold === undefined ? all.replaceAll('*', '\\*') : `**${bold}**`,
      ),
    )
    .join('<br>');
  return by === 'person' ? `> 👤 ${mark}${words}` : `> 🤖 ${words}`;
}
