/**
 * What is said and understood while the person is assisted, whatever the agent: the menu's items, ways out,
 * what is answered when nothing was understood. The agents have their own beside them.
 */
import { languageOf } from './texts/catalogue.ts';
import type { Agent } from './tools.ts';

/** What the menu can offer. */
export type MenuItem = Agent | 'myData' | 'person';

/** Of one language. Titles have at most 24 characters (a row's limit at WhatsApp), those of three items 20. */
export interface AssistingTexts {
  readonly items: Readonly<Record<MenuItem, string>>;
  readonly openMenu: string;
  readonly welcome: (of: { readonly name: string | null }) => string;
  readonly welcomeBack: (of: { readonly name: string | null }) => string;
  readonly afterConsent: (of: { readonly name: string | null }) => string;
  readonly menu: string;
  readonly menuUnclear: string;
  readonly menuTypePlease: string;
  /** What was being done was given up. */
  readonly stopped: string;
  /** It did not go through; goes above the menu. */
  readonly failed: string;
  /** Nothing was understood twice: a person is offered. */
  readonly offerPerson: string;
  /** Goes above the question that is open. */
  readonly unclear: string;
  readonly typePlease: string;
  readonly offTopic: string;
  readonly abuse: string;
  /** A voice note or an image could not be read. */
  readonly fileUnread: Readonly<Record<'voice' | 'image' | 'document', string>>;
  readonly buttons: { readonly person: string; readonly menu: string };
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
  welcome: ({ name }) => `${name === null ? 'Sem problema!' : `Prazer${called(name)}!`} 🙂 Como posso ajudar?`,
  welcomeBack: ({ name }) => `Olá de novo${called(name)}! 👋 Como posso ajudar?`,
  afterConsent: ({ name }) => `Combinado${called(name)}, obrigado! 💚 Como posso ajudar?`,
  menu: 'Como posso ajudar?',
  menuUnclear: 'Desculpe, não entendi. 😅 Escolha uma opção:',
  menuTypePlease: 'Por aqui eu só consigo ler texto. 🙂 Pode escrever, ou escolher uma opção:',
  stopped: 'Tudo bem, parei por aqui. 🙂 Como posso ajudar?',
  failed: 'Desculpe, não consegui fazer isso agora. 😕 Tente de novo daqui a pouco, ou escolha uma opção:',
  offerPerson:
    'Ainda não consegui entender, desculpe. 😕 Para falar com alguém da equipe, mande *PESSOA*. Para ver as opções, mande *MENU*.',
  unclear: 'Desculpe, não entendi. 😅',
  typePlease: 'Por aqui eu só consigo ler texto. 🙂',
  offTopic: 'Com isso eu não consigo ajudar por aqui. 🙂',
  abuse: 'Vamos conversar com calma, por favor. Estou aqui para ajudar. 🙂',
  fileUnread: {
    voice: 'Não consegui ouvir o áudio. 🙉 Pode escrever, por favor?',
    image: 'Não consegui ler a imagem. 🙈 Pode escrever, por favor?',
    document: 'Recebi o arquivo, mas não leio documentos por aqui. Pode me contar por escrito o que precisa?',
  },
  buttons: { person: 'Falar com uma pessoa', menu: 'Ver opções' },
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
  welcome: ({ name }) => `${name === null ? 'No problem!' : `Nice to meet you${called(name)}!`} 🙂 How can I help?`,
  welcomeBack: ({ name }) => `Hello again${called(name)}! 👋 How can I help?`,
  afterConsent: ({ name }) => `All right${called(name)}, thank you! 💚 How can I help?`,
  menu: 'How can I help?',
  menuUnclear: 'Sorry, I did not understand. 😅 Please choose an option:',
  menuTypePlease: 'I can only read text here. 🙂 Could you write, or choose an option?',
  stopped: 'All right, I have stopped. 🙂 How can I help?',
  failed: 'Sorry, I could not do that just now. 😕 Please try again in a while, or choose an option:',
  offerPerson:
    'I still could not understand, sorry. 😕 To talk to somebody of our team, send *PERSON*. To see the options, send *MENU*.',
  unclear: 'Sorry, I did not understand. 😅',
  typePlease: 'I can only read text here. 🙂',
  offTopic: 'I cannot help with that here. 🙂',
  abuse: 'Let us talk calmly, please. I am here to help. 🙂',
  fileUnread: {
    voice: 'I could not hear the voice note. 🙉 Could you write it, please?',
    image: 'I could not read the image. 🙈 Could you write it, please?',
    document: 'I have the file, but I do not read documents here. Could you write what you need?',
  },
  buttons: { person: 'Talk to a person', menu: 'See options' },
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
  welcome: ({ name }) =>
    `${name === null ? '¡No hay problema!' : `¡Mucho gusto${called(name)}!`} 🙂 ¿En qué puedo ayudarte?`,
  welcomeBack: ({ name }) => `¡Hola de nuevo${called(name)}! 👋 ¿En qué puedo ayudarte?`,
  afterConsent: ({ name }) => `¡Perfecto${called(name)}, gracias! 💚 ¿En qué puedo ayudarte?`,
  menu: '¿En qué puedo ayudarte?',
  menuUnclear: 'Perdón, no entendí. 😅 Elige una opción:',
  menuTypePlease: 'Por aquí solo puedo leer texto. 🙂 ¿Puedes escribirlo, o elegir una opción?',
  stopped: 'Está bien, lo dejo aquí. 🙂 ¿En qué puedo ayudarte?',
  failed: 'Perdón, ahora no pude hacerlo. 😕 Prueba de nuevo en un rato, o elige una opción:',
  offerPerson:
    'Todavía no pude entender, perdón. 😕 Para hablar con alguien de nuestro equipo, envía *PERSONA*. Para ver las opciones, envía *MENÚ*.',
  unclear: 'Perdón, no entendí. 😅',
  typePlease: 'Por aquí solo puedo leer texto. 🙂',
  offTopic: 'Con eso no puedo ayudarte por aquí. 🙂',
  abuse: 'Hablemos con calma, por favor. Estoy aquí para ayudar. 🙂',
  fileUnread: {
    voice: 'No pude escuchar el audio. 🙉 ¿Puedes escribirlo, por favor?',
    image: 'No pude leer la imagen. 🙈 ¿Puedes escribirlo, por favor?',
    document: 'Recibí el archivo, pero por aquí no leo documentos. ¿Puedes contarme por escrito qué necesitas?',
  },
  buttons: { person: 'Hablar con alguien', menu: 'Ver opciones' },
};

/** By the locale of a language of the catalogue. */
export type ByLocale<Texts> = Readonly<Record<'pt-BR' | 'en' | 'es', Texts>>;

/** What is said in a language; pt-BR where there is no such. */
export function inLanguage<Texts>(texts: ByLocale<Texts>, locale: string): Texts {
  const known = languageOf(locale).locale;
  return known === 'en' || known === 'es' ? texts[known] : texts['pt-BR'];
}

/** The texts of a conversation's language. */
export const assistingTextsIn = ({ locale }: { readonly locale: string }): AssistingTexts =>
  inLanguage({ 'pt-BR': ptBr, en, es }, locale);

/** A tenant's text that is one for all or by locale. */
export function wordedIn(text: string | Readonly<Record<string, string>>, locale: string): string {
  if (typeof text === 'string') return text;
  return text[locale] ?? text['pt-BR'] ?? Object.values(text)[0] ?? '';
}

const phrases = (list: string): ReadonlySet<string> =>
  new Set(list.split(',').map((phrase) => phrase.trim().replace(/\s+/gu, ' ')));

/** Phrases, folded, that ask for something anywhere in a message, or give up what is being done. */
export interface CommandWords {
  readonly scheduling: ReadonlySet<string>;
  readonly appointments: ReadonlySet<string>;
  readonly cancel: ReadonlySet<string>;
  readonly move: ReadonlySet<string>;
  readonly registration: ReadonlySet<string>;
  readonly information: ReadonlySet<string>;
  /** As a whole message. */
  readonly stop: ReadonlySet<string>;
}

const commandWords: ByLocale<CommandWords> = {
  'pt-BR': {
    scheduling: phrases(
      `marcar, agendar, agendamento, marca, agenda pra mim, quero um horario, tem horario, horario livre, tem vaga,
       queria um horario, preciso de um horario, nova consulta, marcacao, reservar`,
    ),
    appointments: phrases(
      `meus agendamentos, meus horarios, minhas consultas, minha consulta, meu agendamento, meu horario,
       minhas reservas, quando e minha consulta, que dia e minha consulta, ver agendamentos`,
    ),
    cancel: phrases(
      `cancelar consulta, cancelar a consulta, cancelar minha consulta, cancelar horario, cancelar o horario,
       cancelar meu horario, cancelar agendamento, cancelar o agendamento, cancelar meu agendamento, desmarcar,
       desmarca, cancela minha consulta, cancela meu horario, nao vou poder ir, nao posso ir, nao vou conseguir ir,
       cancelar a reserva, cancelar reserva`,
    ),
    move: phrases(
      `remarcar, remarca, reagendar, mudar o horario, mudar meu horario, trocar o horario, trocar meu horario,
       mudar a consulta, mudar minha consulta, adiar, mudar a data, trocar a data, mudar o dia, trocar o dia`,
    ),
    registration: phrases(
      `inscricao, inscrever, me inscrever, fazer inscricao, quero me inscrever, inscricoes, participar do congresso,
       participar do evento`,
    ),
    information: phrases(
      `informacoes, informacao, programacao, palestrantes, palestras, endereco, local do evento, onde fica, onde e,
       que horas comeca, quanto custa, valor, preco, valores`,
    ),
    stop: phrases(`cancelar, cancela, voltar, volta, desistir, desisto, deixa, deixa pra la, esquece, para, chega`),
  },
  en: {
    scheduling: phrases(`book, booking, schedule, appointment please, make an appointment, book an appointment`),
    appointments: phrases(`my appointments, my appointment, my bookings, my booking, when is my appointment`),
    cancel: phrases(
      `cancel my appointment, cancel the appointment, cancel appointment, cancel my booking, cancel booking, i can t come`,
    ),
    move: phrases(
      `reschedule, move my appointment, change my appointment, change the time, another time for my appointment, postpone`,
    ),
    registration: phrases(`register, registration, sign up, enrol, enroll`),
    information: phrases(`information, programme, program, speakers, where is it, address, how much, price, venue`),
    stop: phrases(`cancel, stop that, back, go back, never mind, nevermind, forget it, quit`),
  },
  es: {
    scheduling: phrases(
      `reservar, agendar, pedir turno, pedir cita, sacar turno, quiero un turno, quiero una cita, un horario`,
    ),
    appointments: phrases(`mis turnos, mi turno, mis citas, mi cita, mis reservas, mi reserva, cuando es mi cita`),
    cancel: phrases(
      `cancelar mi turno, cancelar el turno, cancelar turno, cancelar mi cita, cancelar la cita, cancelar cita,
       anular mi cita, anular mi turno, no puedo ir, no voy a poder ir`,
    ),
    move: phrases(
      `cambiar mi turno, cambiar mi cita, cambiar el horario, reprogramar, mover mi cita, postergar, aplazar`,
    ),
    registration: phrases(`inscripcion, inscribirme, inscribir, registrarme, registro`),
    information: phrases(`informacion, programa, ponentes, donde es, donde queda, direccion, cuanto cuesta, precio`),
    stop: phrases(`cancelar, cancela, volver, atras, dejalo, olvidalo, desisto`),
  },
};

/** The words of a conversation's language. */
export const commandWordsIn = ({ locale }: { readonly locale: string }): CommandWords =>
  inLanguage(commandWords, locale);
