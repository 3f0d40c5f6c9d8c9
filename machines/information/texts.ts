/** What is said while somebody asks about the event. */
import type { ByLocale } from '#machines/conversation/assisting-texts.ts';

/** Of one language. */
export interface InformationTexts {
  readonly list: string;
  readonly open: string;
  readonly howToAsk: string;
  readonly more: string;
  readonly none: string;
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
    none: 'Ainda não tenho informações sobre isso por aqui. 😕',
    commonWords: words(`qual quais como onde quando quem para pelo pela voces vocês tem teria sobre saber queria quero
      gostaria evento congresso esta estao sera seria isso essa esse mais informacoes informacao pode posso fica meu minha`),
  },
  en: {
    list: 'What would you like to know about?',
    open: 'See subjects',
    howToAsk: 'Answer with the number, or ask in your own words. To go back, send *MENU*.',
    more: 'Anything else? Just ask, or send *MENU*.',
    none: 'I have no information on that here yet. 😕',
    commonWords: words(`what which where when who how about know would like event congress there have this that more
      information with from will your does`),
  },
  es: {
    list: '¿Sobre qué quieres saber?',
    open: 'Ver temas',
    howToAsk: 'Responde con el número, o pregunta a tu manera. Para volver, envía *MENÚ*.',
    more: '¿Algo más? Pregunta, o envía *MENÚ*.',
    none: 'Todavía no tengo información sobre eso por aquí. 😕',
    commonWords: words(`cual cuales como donde cuando quien para sobre saber queria quiero gustaria evento congreso esta
      estan sera esto esta mas informacion puede puedo tiene tienen`),
  },
};
