/**
 * A yes or a no to what was read back. It may say again what is to be done ("sim, pode marcar"): those words are of the
 * deed that was asked about and of no other, so that "sim, cancela" is no yes to a booking.
 */
import { type ByLocale, inLanguage } from './assisting-texts.ts';
import type { ActionParams } from '#machines/machine.ts';
import type { ConversationContext } from './context.ts';
import { ask, lexiconIn, rowIn, typedIn } from './hearing.ts';
import { fold, tokensOf, without } from './lexicon.ts';
import type { Row } from './numbered-list.ts';
import { answerOf } from './understanding.ts';

/** What was asked about. */
export type Deed = 'book' | 'cancel' | 'register';

type DeedWords = Readonly<Record<Deed | 'any', ReadonlySet<string>>>;

const phrases = (list: string): ReadonlySet<string> => new Set(list.split(',').map((phrase) => phrase.trim()));

/** Folded. */
const deedWords: ByLocale<DeedWords> = {
  'pt-BR': {
    any: phrases(
      'confirmar, confirma, confirme, confirmo, confirmado, ta confirmado, esta tudo certo, ta tudo certo, esta, tudo, mais, para mim, pra mim, isso ai',
    ),
    book: phrases(
      'marcar, marca, marque, agendar, agenda, agende, reservar, reserva, remarcar, remarca, mudar, muda, trocar, troca, o horario, esse horario, este horario, nesse horario, neste horario, a consulta, para esse horario',
    ),
    cancel: phrases(
      'cancelar, cancela, cancele, desmarcar, desmarca, o horario, esse horario, este horario, a consulta, minha consulta, meu horario',
    ),
    register: phrases(
      'inscrever, inscreve, me inscrever, me inscreve, fazer a inscricao, a inscricao, minha inscricao, salvar, salva, enviar, envia',
    ),
  },
  en: {
    any: phrases('confirm, confirmed, i confirm, it, that, go ahead, do it, all correct, all good, is correct'),
    book: phrases('book, book it, book that, move, move it, make it, the appointment'),
    cancel: phrases('cancel, cancel it, cancel that, the appointment, my appointment'),
    register: phrases('register, register me, sign me up, the registration, my registration'),
  },
  es: {
    any: phrases('confirmar, confirma, confirmo, confirmado, esta, todo, todo bien, todo correcto, adelante, mas'),
    book: phrases(
      'reservar, reserva, agendar, agenda, cambiar, cambia, cambialo, reservalo, el turno, ese turno, el horario, ese horario',
    ),
    cancel: phrases('cancelar, cancela, cancelalo, anular, anula, el turno, mi turno, ese turno, la cita, mi cita'),
    register: phrases('inscribir, inscribeme, la inscripcion, mi inscripcion, guardar, guarda, enviar, envia'),
  },
};

/** The two buttons below what is read back. Their ids name what was shown: the button of an earlier summary does nothing. */
export interface Confirmation {
  readonly yes: Row;
  readonly no: Row;
}

/** Reads back what is about to be done. */
export const askToAgree = (text: string, { yes, no }: Confirmation): ActionParams['reply'] => ({
  content: { kind: 'buttons', optionsInText: true, text, buttons: [yes, no] },
});

/** What was answered; undefined when it is neither. */
export function agreementIn(
  context: ConversationContext,
  deed: Deed,
  { yes, no }: Confirmation,
): 'yes' | 'no' | undefined {
  const row = rowIn(context, [yes, no]);
  if (row !== undefined) return row === yes ? 'yes' : 'no';
  const said = typedIn(context);
  if (said === undefined) return undefined;
  const plain = ask(context, answerOf);
  if (plain !== undefined || said.includes('?')) return plain;
  const words = inLanguage(deedWords, context.locale);
  const tokens = tokensOf(fold(said));
  const rest = without(tokens, (phrase) => words[deed].has(phrase) || words.any.has(phrase));
  const meant = answerOf({ kind: 'text', text: rest.join(' ') }, lexiconIn(context));
  // "Quero marcar" begins something; whether what was shown is right it does not say.
  return meant === 'yes' && tokens.some((token) => wishes.has(token)) ? undefined : meant;
}

/** Folded. */
const wishes = phrases('quero, queria, quiero, want, would, gostaria, like');
