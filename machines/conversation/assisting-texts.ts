/**
 * What is said while the person is assisted, whatever the agent: the menu's items, ways out,
 * what is answered when nothing was understood. The agents have their own beside them.
 */
import { languageOf } from './texts/catalogue.ts';
import type { Agent } from './tools.ts';

/** What the menu can offer. */
export type MenuItem = Agent | 'myData' | 'person';

/** What is said to one who arrives, and what is asked if it is not known yet. */
export interface Greeting {
  readonly hello: string;
  readonly question: string;
}

/** Of one language. Titles have at most 24 characters (a row's limit at WhatsApp), those of three items 20. */
export interface AssistingTexts {
  readonly items: Readonly<Record<MenuItem, string>>;
  readonly openMenu: string;
  readonly welcome: (of: { readonly name: string | null }) => Greeting;
  readonly welcomeBack: (of: { readonly name: string | null }) => string;
  readonly afterConsent: (of: { readonly name: string | null }) => Greeting;
  readonly menu: string;
  readonly menuUnclear: string;
  readonly menuTypePlease: string;
  /** What was being done was given up. */
  readonly stopped: string;
  /** Nothing was being done that could be given up: how messages are stopped. */
  readonly howToOptOut: string;
  /** It did not go through; goes above the menu. */
  readonly failed: string;
  /** Nothing was understood twice: a person is offered. */
  readonly offerPerson: string;
  /** Goes above the question that is open. */
  readonly unclear: string;
  readonly typePlease: string;
  readonly offTopic: string;
  readonly abuse: string;
  /** Somebody is angry with us: a person is offered, above the question that is open. */
  readonly upset: string;
  /** A voice note or an image could not be read. */
  readonly fileUnread: Readonly<Record<'voice' | 'image' | 'document', string>>;
  /** What is speaking here, honestly; goes above the question that is open. */
  readonly whoIAm: (of: { readonly business: string }) => string;
  /** To thanks and goodbyes; to a "no" or an "ok" that nothing was asked for. */
  readonly welcomeAnytime: string;
  readonly allRight: string;
  /** One who is not of age: agrees through somebody who is; is served by a person. */
  readonly minorsConsent: string;
  readonly minor: string;
  /** What is kept of somebody is erased or corrected by a person. */
  readonly rights: string;
  /** An inscription is cancelled by a person. */
  readonly unregister: string;
}

const called = (name: string | null): string => (name === null ? '' : `, ${name}`);

const ptBr: AssistingTexts = {
  items: {
    scheduling: 'Marcar horário',
    appointments: 'Meus agendamentos',
    registration: 'Fazer inscrição',
    information: 'Informações',
    myData: 'Meus dados',
    person: 'Falar com uma pessoa',
  },
  openMenu: 'Ver opções',
  welcome: ({ name }) => ({
    hello: `${name === null ? 'Sem problema!' : `Prazer${called(name)}!`} 🙂`,
    question: 'Como posso ajudar?',
  }),
  welcomeBack: ({ name }) => `Olá de novo${called(name)}! 👋 Como posso ajudar?`,
  afterConsent: ({ name }) => ({
    hello: `Combinado${called(name)}, obrigado! 💚`,
    question: 'Como posso ajudar?',
  }),
  menu: 'Como posso ajudar?',
  menuUnclear: 'Desculpe, não entendi. 😅 Escolha uma opção:',
  menuTypePlease: 'Por aqui eu só consigo ler texto. 🙂 Pode escrever, ou escolher uma opção:',
  stopped: 'Tudo bem, parei por aqui. 🙂 Como posso ajudar?',
  howToOptOut: 'Tudo bem! 🙂 Para não receber mais mensagens, mande *PARAR*. Se quiser outra coisa:',
  failed: 'Desculpe, não consegui fazer isso agora. 😕 Tente de novo daqui a pouco, ou escolha uma opção:',
  offerPerson:
    'Ainda não consegui entender, desculpe. 😕 Para falar com alguém da equipe, mande *PESSOA*. Para ver as opções, mande *MENU*.',
  unclear: 'Desculpe, não entendi. 😅',
  typePlease: 'Por aqui eu só consigo ler texto. 🙂',
  offTopic: 'Com isso eu não consigo ajudar por aqui. 🙂',
  upset: 'Sinto muito pelo incômodo. 😕 Para falar com alguém da equipe, mande *PESSOA*.',
  abuse: 'Vamos conversar com calma, por favor. Estou aqui para ajudar. 🙂',
  fileUnread: {
    voice: 'Não consegui ouvir o áudio. 🙉 Pode escrever, por favor?',
    image: 'Não consegui ler a imagem. 🙈 Pode escrever, por favor?',
    document: 'Recebi o arquivo, mas não leio documentos por aqui. Pode me contar por escrito o que precisa?',
  },
  whoIAm: ({ business }) =>
    `Sou o atendimento automático de *${business}*. 🤖 Para falar com alguém da equipe, mande *PESSOA*.`,
  welcomeAnytime: 'Por nada! 🙂 Precisando de mais alguma coisa, é só chamar.',
  allRight: 'Combinado! 🙂 Precisando de alguma coisa, é só chamar, ou mandar *MENU*.',
  minorsConsent:
    'Obrigado por avisar! 🙂 Como você tem menos de 18 anos, peça para um responsável ler o pedido acima e responder aqui.',
  minor:
    'Obrigado por avisar! 🙂 Como você tem menos de 18 anos, um responsável precisa participar. Já vou chamar alguém da nossa equipe.',
  rights: 'Para apagar ou corrigir os dados que guardamos, quem resolve é a nossa equipe. Já vou chamar alguém.',
  unregister: 'Para cancelar uma inscrição já feita, quem resolve é a nossa equipe. Já vou chamar alguém.',
};

const en: AssistingTexts = {
  items: {
    scheduling: 'Book an appointment',
    appointments: 'My appointments',
    registration: 'Register',
    information: 'Information',
    myData: 'My data',
    person: 'Talk to a person',
  },
  openMenu: 'See options',
  welcome: ({ name }) => ({
    hello: `${name === null ? 'No problem!' : `Nice to meet you${called(name)}!`} 🙂`,
    question: 'How can I help?',
  }),
  welcomeBack: ({ name }) => `Hello again${called(name)}! 👋 How can I help?`,
  afterConsent: ({ name }) => ({
    hello: `All right${called(name)}, thank you! 💚`,
    question: 'How can I help?',
  }),
  menu: 'How can I help?',
  menuUnclear: 'Sorry, I did not understand. 😅 Please choose an option:',
  menuTypePlease: 'I can only read text here. 🙂 Could you write, or choose an option?',
  stopped: 'All right, I have stopped. 🙂 How can I help?',
  howToOptOut: 'All right! 🙂 To get no more messages, send *STOP*. If you would like something else:',
  failed: 'Sorry, I could not do that just now. 😕 Please try again in a while, or choose an option:',
  offerPerson:
    'I still could not understand, sorry. 😕 To talk to somebody of our team, send *PERSON*. To see the options, send *MENU*.',
  unclear: 'Sorry, I did not understand. 😅',
  typePlease: 'I can only read text here. 🙂',
  offTopic: 'I cannot help with that here. 🙂',
  upset: 'I am sorry about the trouble. 😕 To talk to somebody of our team, send *PERSON*.',
  abuse: 'Let us talk calmly, please. I am here to help. 🙂',
  fileUnread: {
    voice: 'I could not hear the voice note. 🙉 Could you write it, please?',
    image: 'I could not read the image. 🙈 Could you write it, please?',
    document: 'I have the file, but I do not read documents here. Could you write what you need?',
  },
  whoIAm: ({ business }) =>
    `I am the automatic assistant of *${business}*. 🤖 To talk to somebody of our team, send *PERSON*.`,
  welcomeAnytime: 'You are welcome! 🙂 If you need anything else, just write.',
  allRight: 'All right! 🙂 If you need anything, just write, or send *MENU*.',
  minorsConsent:
    'Thank you for saying so! 🙂 As you are under 18, please ask a parent or guardian to read the request above and answer here.',
  minor:
    'Thank you for saying so! 🙂 As you are under 18, a parent or guardian has to take part. I am calling somebody of our team.',
  rights: 'To erase or correct the data that we keep, our team has to help. I am calling somebody.',
  unregister: 'To cancel a registration that was made, our team has to help. I am calling somebody.',
};

const es: AssistingTexts = {
  items: {
    scheduling: 'Reservar horario',
    appointments: 'Mis turnos',
    registration: 'Inscribirme',
    information: 'Información',
    myData: 'Mis datos',
    person: 'Hablar con alguien',
  },
  openMenu: 'Ver opciones',
  welcome: ({ name }) => ({
    hello: `${name === null ? '¡No hay problema!' : `¡Mucho gusto${called(name)}!`} 🙂`,
    question: '¿En qué puedo ayudarte?',
  }),
  welcomeBack: ({ name }) => `¡Hola de nuevo${called(name)}! 👋 ¿En qué puedo ayudarte?`,
  afterConsent: ({ name }) => ({
    hello: `¡Perfecto${called(name)}, gracias! 💚`,
    question: '¿En qué puedo ayudarte?',
  }),
  menu: '¿En qué puedo ayudarte?',
  menuUnclear: 'Perdón, no entendí. 😅 Elige una opción:',
  menuTypePlease: 'Por aquí solo puedo leer texto. 🙂 ¿Puedes escribirlo, o elegir una opción?',
  stopped: 'Está bien, lo dejo aquí. 🙂 ¿En qué puedo ayudarte?',
  howToOptOut: '¡Está bien! 🙂 Para no recibir más mensajes, envía *PARAR*. Si quieres otra cosa:',
  failed: 'Perdón, ahora no pude hacerlo. 😕 Prueba de nuevo en un rato, o elige una opción:',
  offerPerson:
    'Todavía no pude entender, perdón. 😕 Para hablar con alguien de nuestro equipo, envía *PERSONA*. Para ver las opciones, envía *MENÚ*.',
  unclear: 'Perdón, no entendí. 😅',
  typePlease: 'Por aquí solo puedo leer texto. 🙂',
  offTopic: 'Con eso no puedo ayudarte por aquí. 🙂',
  upset: 'Lamento la molestia. 😕 Para hablar con alguien de nuestro equipo, envía *PERSONA*.',
  abuse: 'Hablemos con calma, por favor. Estoy aquí para ayudar. 🙂',
  fileUnread: {
    voice: 'No pude escuchar el audio. 🙉 ¿Puedes escribirlo, por favor?',
    image: 'No pude leer la imagen. 🙈 ¿Puedes escribirlo, por favor?',
    document: 'Recibí el archivo, pero por aquí no leo documentos. ¿Puedes contarme por escrito qué necesitas?',
  },
  whoIAm: ({ business }) =>
    `Soy la atención automática de *${business}*. 🤖 Para hablar con alguien de nuestro equipo, envía *PERSONA*.`,
  welcomeAnytime: '¡De nada! 🙂 Si necesitas algo más, escríbeme.',
  allRight: '¡Perfecto! 🙂 Si necesitas algo, escríbeme, o envía *MENÚ*.',
  minorsConsent:
    '¡Gracias por avisar! 🙂 Como tienes menos de 18 años, pide a una persona responsable que lea el pedido de arriba y responda aquí.',
  minor:
    '¡Gracias por avisar! 🙂 Como tienes menos de 18 años, tiene que participar una persona responsable. Ya llamo a alguien de nuestro equipo.',
  rights: 'Para borrar o corregir los datos que guardamos, te ayuda nuestro equipo. Ya llamo a alguien.',
  unregister: 'Para cancelar una inscripción ya hecha, te ayuda nuestro equipo. Ya llamo a alguien.',
};

/** By the locale of a language of the catalogue. */
export type ByLocale<Texts> = Readonly<Record<'pt-BR' | 'en' | 'es', Texts>>;

/** What is said in a language; pt-BR where there is no such. */
export function inLanguage<Texts>(texts: ByLocale<Texts>, locale: string): Texts {
  const own: Readonly<Record<string, Texts | undefined>> = texts;
  return own[languageOf(locale).locale] ?? texts['pt-BR'];
}

/** The texts of a conversation's language. */
export const assistingTextsIn = ({ locale }: { readonly locale: string }): AssistingTexts =>
  inLanguage({ 'pt-BR': ptBr, en, es }, locale);
