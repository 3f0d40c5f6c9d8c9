/** What is said and understood while a person waits for one of the tenant's, or has one. */
import { type ByLocale, inLanguage } from './assisting-texts.ts';

interface Place {
  /** From 1. */
  readonly position: number;
  /** 0: no time worth naming. */
  readonly minutes: number;
}

/** Of one language. Titles have at most 20 characters. */
interface AttendanceTexts {
  /** The person has just joined the queue. */
  readonly joined: (place: Place) => string;
  /** The position has changed. */
  readonly moved: (place: Place) => string;
  /** Goes above the menu. */
  readonly full: string;
  readonly left: string;
  /** A person is there. */
  readonly attended: string;
  /** The machine is there again, since the attendant said so; since nobody answered. Both go above the menu. */
  readonly handedBack: string;
  readonly unanswered: string;
  readonly leave: string;
  /** Folded; as a whole message. */
  readonly leaveWords: ReadonlySet<string>;
}

const texts: ByLocale<AttendanceTexts> = {
  'pt-BR': {
    joined: (place) =>
      `Certo! 🙂 ${placeInPortuguese(place)} Se quiser, já vá contando o que precisa.\n\nPara desistir, mande *SAIR DA FILA*.`,
    moved: (place) => `A fila andou! ${placeInPortuguese(place)}\n\nPara desistir, mande *SAIR DA FILA*.`,
    full: 'No momento a fila de atendimento está cheia. 😕 Tente de novo daqui a pouco. Posso ajudar com outra coisa?',
    left: 'Tudo bem, você saiu da fila. 🙂 Como posso ajudar?',
    attended: 'Pronto! Agora você está falando com uma pessoa da equipe. 💬',
    handedBack: 'Seu atendimento com a equipe terminou, e eu voltei. 🙂 Posso ajudar com mais alguma coisa?',
    unanswered:
      'Desculpe a demora: ninguém da equipe conseguiu responder. 😕 Sua mensagem está guardada. Posso ajudar enquanto isso?',
    leave: 'Sair da fila',
    leaveWords: new Set(
      `sair da fila,quero sair da fila,sai da fila,sair da espera,desistir,desisto,desistir da fila,nao quero mais esperar,cansei de esperar,cancelar,cancela,deixa,deixa pra la`.split(
        ',',
      ),
    ),
  },
  en: {
    joined: (place) =>
      `Sure! 🙂 ${placeInEnglish(place)} If you like, tell us already what you need.\n\nTo give up, send *LEAVE THE QUEUE*.`,
    moved: (place) => `The queue has moved! ${placeInEnglish(place)}\n\nTo give up, send *LEAVE THE QUEUE*.`,
    full: 'The queue for our team is full just now. 😕 Please try again in a while. Can I help with something else?',
    left: 'All right, you have left the queue. 🙂 How can I help?',
    attended: 'Here we are! You are now talking to somebody of our team. 💬',
    handedBack: 'The conversation with our team has ended, and I am back. 🙂 Can I help with anything else?',
    unanswered:
      'Sorry for the wait: nobody of our team could reply. 😕 Your message is kept. Can I help in the meantime?',
    leave: 'Leave the queue',
    leaveWords: new Set(
      `leave the queue,leave queue,leave the line,i want to leave the queue,get me out of the queue,give up,i give up,i do not want to wait,i don t want to wait,cancel,never mind,forget it`.split(
        ',',
      ),
    ),
  },
  es: {
    joined: (place) =>
      `¡Claro! 🙂 ${placeInSpanish(place)} Si quieres, ve contando qué necesitas.\n\nPara desistir, envía *SALIR DE LA FILA*.`,
    moved: (place) => `¡La fila avanzó! ${placeInSpanish(place)}\n\nPara desistir, envía *SALIR DE LA FILA*.`,
    full: 'En este momento la fila de atención está llena. 😕 Prueba de nuevo en un rato. ¿Puedo ayudarte con otra cosa?',
    left: 'Está bien, saliste de la fila. 🙂 ¿En qué puedo ayudarte?',
    attended: '¡Listo! Ahora estás hablando con alguien de nuestro equipo. 💬',
    handedBack: 'Tu conversación con el equipo terminó, y yo volví. 🙂 ¿Puedo ayudarte con algo más?',
    unanswered:
      'Perdón por la demora: nadie del equipo pudo responder. 😕 Tu mensaje está guardado. ¿Puedo ayudarte mientras tanto?',
    leave: 'Salir de la fila',
    leaveWords: new Set(
      `salir de la fila,salir de la cola,quiero salir de la fila,dejar la fila,desistir,desisto,no quiero esperar mas,cancelar,cancela,dejalo,olvidalo`.split(
        ',',
      ),
    ),
  },
};

function placeInPortuguese({ position, minutes }: Place): string {
  const place =
    position === 1 ? 'Você é a *próxima pessoa* da fila' : `Você é a *${position.toString()}ª pessoa* da fila`;
  if (minutes === 0) return `${place}, e deve ser em instantes.`;
  return `${place}. A espera é de cerca de ${minutes.toString()} ${minutes === 1 ? 'minuto' : 'minutos'}.`;
}

function placeInEnglish({ position, minutes }: Place): string {
  const place = position === 1 ? 'You are *next* in the queue' : `You are *number ${position.toString()}* in the queue`;
  if (minutes === 0) return `${place}, and it should only be a moment.`;
  return `${place}. The wait is about ${minutes.toString()} ${minutes === 1 ? 'minute' : 'minutes'}.`;
}

function placeInSpanish({ position, minutes }: Place): string {
  const place =
    position === 1
      ? 'Eres la *próxima persona* de la fila'
      : `Eres la *persona número ${position.toString()}* de la fila`;
  if (minutes === 0) return `${place}, y será en un momento.`;
  return `${place}. La espera es de alrededor de ${minutes.toString()} ${minutes === 1 ? 'minuto' : 'minutos'}.`;
}

/** The texts of a conversation's language. */
export const attendanceTextsIn = ({ locale }: { readonly locale: string }): AttendanceTexts =>
  inLanguage(texts, locale);
