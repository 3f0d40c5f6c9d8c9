/** What is said while somebody asks about the event. */
import type { ByLocale } from '#machines/conversation/assisting-texts.ts';

/** Of one language. */
export interface InformationTexts {
  readonly list: string;
  readonly open: string;
  readonly howToAsk: string;
  readonly more: string;
  readonly none: string;
  /** In place of `more`, where something was being done. */
  readonly goOn: string;
  /** Folded; as a whole message. */
  readonly goOnWords: ReadonlySet<string>;
  /** Words that every question has, folded: they say nothing of what is asked for. */
  readonly commonWords: ReadonlySet<string>;
}

const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/[\s,]+/u));

/** By locale. */
export const informationTexts: ByLocale<InformationTexts> = {
  'pt-BR': {
    list: 'Sobre o que você quer saber?',
    open: 'Ver assuntos',
    howToAsk: 'Responda com o número, ou pergunte do seu jeito. Para voltar, mande *MENU*.',
    more: 'Quer saber mais alguma coisa? Pode perguntar, ou mande *MENU*.',
    goOn: 'Para continuar de onde paramos, mande *CONTINUAR*. Se tiver outra dúvida, pode perguntar.',
    goOnWords: new Set([
      'continuar',
      'continua',
      'continue',
      'vamos continuar',
      'quero continuar',
      'pode continuar',
      'voltar',
      'volta',
      'seguir',
      'ok',
      'ok continuar',
      'sim',
      'sim continuar',
    ]),
    none: 'Ainda não tenho informações sobre isso por aqui. 😕',
    commonWords: words(`qual quais como onde quando quem para pelo pela voces vocês tem teria sobre saber queria quero
      gostaria evento congresso esta estao sera seria isso essa esse mais informacoes informacao pode posso fica meu minha`),
  },
  en: {
    list: 'What would you like to know about?',
    open: 'See subjects',
    howToAsk: 'Answer with the number, or ask in your own words. To go back, send *MENU*.',
    more: 'Anything else? Just ask, or send *MENU*.',
    goOn: 'To go on where we left off, send *CONTINUE*. If there is something else, just ask.',
    goOnWords: new Set(['continue', 'go on', 'let us continue', 'let s continue', 'go back', 'back', 'ok', 'yes']),
    none: 'I have no information on that here yet. 😕',
    commonWords: words(`what which where when who how about know would like event congress there have this that more
      information with from will your does`),
  },
  es: {
    list: '¿Sobre qué quieres saber?',
    open: 'Ver temas',
    howToAsk: 'Responde con el número, o pregunta a tu manera. Para volver, envía *MENÚ*.',
    more: '¿Algo más? Pregunta, o envía *MENÚ*.',
    goOn: 'Para seguir donde lo dejamos, envía *CONTINUAR*. Si tienes otra duda, pregunta.',
    goOnWords: new Set(['continuar', 'continua', 'seguir', 'sigamos', 'volver', 'ok', 'si', 'si continuar']),
    none: 'Todavía no tengo información sobre eso por aquí. 😕',
    commonWords: words(`cual cuales como donde cuando quien para sobre saber queria quiero gustaria evento congreso esta
      estan sera esto esta mas informacion puede puedo tiene tienen`),
  },
};
