/** What is said during an inscription. */
import type { ByLocale } from '#machines/conversation/assisting-texts.ts';
import type { Field, Problem } from './context.ts';

/** Of one language. */
export interface RegistrationTexts {
  readonly begin: (of: { readonly event: string }) => string;
  /** What was left half way is gone on with. */
  readonly goOn: (of: { readonly event: string }) => string;
  readonly ask: Readonly<Record<Field, string>>;
  /** What is wrong with an answer, by field; goes above the question or is the question. */
  readonly problems: Readonly<Partial<Record<Field, Readonly<Partial<Record<Problem, string>>>>>>;
  readonly emailHint: (of: { readonly email: string }) => string;
  readonly labels: Readonly<Record<Field, string>>;
  readonly confirm: (of: { readonly event: string; readonly lines: string }) => string;
  readonly yes: string;
  readonly no: string;
  readonly whichField: string;
  readonly open: string;
  readonly saved: (of: { readonly event: string }) => string;
  readonly mailed: string;
  readonly notMailed: string;
  /** Folded words by which a field is named. */
  readonly words: Readonly<Record<Field, readonly string[]>>;
  /** Folded; says that there is no such thing to be given. */
  readonly hasNone: RegExp;
  /** What is said to that. */
  readonly needed: string;
  /** Folded; says that something is wrong or another. */
  readonly corrects: ReadonlySet<string>;
}

const phrases = (list: string): ReadonlySet<string> => new Set(list.split(',').map((phrase) => phrase.trim()));

const ptBr: RegistrationTexts = {
  begin: ({ event }) => `Que bom! Vamos fazer sua inscrição em *${event}*. 📝 São só algumas perguntas.`,
  goOn: ({ event }) => `Vamos continuar sua inscrição em *${event}* de onde paramos. 📝`,
  ask: {
    fullName: 'Qual é o seu *nome completo*?',
    email: 'Qual é o seu *e-mail*?',
    cpf: 'Qual é o seu *CPF*?',
    phone: 'Qual é o seu *telefone*, com DDD?',
    city: 'Em que *cidade* você mora?',
    state: 'E em que *estado* (UF)?',
    profile: 'Qual é o seu *perfil*?',
  },
  problems: {
    fullName: {
      'single-word': 'Preciso do nome completo, com sobrenome. 🙂',
      invalid: 'Não consegui entender o nome. Pode escrever só o nome completo?',
    },
    email: {
      invalid: 'Esse e-mail não parece certo. Pode conferir?',
      taken: 'Já existe uma inscrição com esse e-mail. Pode usar outro?',
    },
    cpf: {
      invalid: 'Esse CPF não confere. São 11 números; pode conferir?',
      taken: 'Já existe uma inscrição com esse CPF. Pode conferir o número?',
    },
    phone: {
      incomplete: 'Faltou o DDD. Pode mandar o número com ele? Por exemplo: *11 98888-7777*.',
      invalid: 'Esse telefone não parece certo. Pode mandar com DDD? Por exemplo: *11 98888-7777*.',
    },
    city: { invalid: 'Não entendi a cidade. Pode escrever só o nome dela?' },
    state: { invalid: 'Não entendi o estado. Pode mandar a sigla? Por exemplo: *SP*.' },
    profile: { invalid: 'Não entendi. Escolha um dos perfis:' },
  },
  emailHint: ({ email }) => `Você quis dizer *${email}*? Responda *SIM*, ou escreva o e-mail de novo.`,
  labels: {
    fullName: 'Nome',
    email: 'E-mail',
    cpf: 'CPF',
    phone: 'Telefone',
    city: 'Cidade',
    state: 'Estado',
    profile: 'Perfil',
  },
  confirm: ({ event, lines }) =>
    `Confira sua inscrição em *${event}*:\n\n${lines}\n\nEstá tudo certo? Responda *SIM* para confirmar, ou diga o que quer corrigir.`,
  yes: 'Sim, confirmar',
  no: 'Corrigir',
  whichField: 'O que você quer corrigir?',
  open: 'Ver campos',
  saved: ({ event }) => `✅ Inscrição feita em *${event}*! Estou mandando a confirmação para o seu e-mail. 📧`,
  mailed: 'Pronto, o e-mail de confirmação já foi. 🙂',
  notMailed: 'O e-mail não saiu agora, mas sua inscrição está garantida. 👍',
  words: {
    fullName: ['nome', 'nome completo', 'sobrenome'],
    email: ['email', 'e mail', 'correio'],
    cpf: ['cpf'],
    phone: ['telefone', 'celular', 'numero', 'fone', 'whatsapp'],
    city: ['cidade', 'municipio'],
    state: ['estado', 'uf'],
    profile: ['perfil', 'categoria'],
  },
  hasNone: /^(?:eu )?(?:nao tenho|nao possuo|n tenho|nao sei|nao lembro|sem (?:e ?mail|cpf|telefone|celular))\b/u,
  needed:
    'Sem isso não consigo terminar a inscrição por aqui. 😕 Para a equipe ajudar, mande *PESSOA*. Para parar, mande *CANCELAR*.',
  corrects: phrases(
    'errei, corrigir, corrige, mudar, muda, trocar, troca, alterar, altera, errado, errada, erro, digitei errado, escrevi errado, na verdade, refazer',
  ),
};

const en: RegistrationTexts = {
  begin: ({ event }) => `Great! Let us register you for *${event}*. 📝 Only a few questions.`,
  goOn: ({ event }) => `Let us go on with your registration for *${event}* where we left it. 📝`,
  ask: {
    fullName: 'What is your *full name*?',
    email: 'What is your *e-mail address*?',
    cpf: 'What is your *CPF* (Brazilian tax number)?',
    phone: 'What is your *phone number*, with area code?',
    city: 'Which *city* do you live in?',
    state: 'And in which *state* (UF)?',
    profile: 'What is your *profile*?',
  },
  problems: {
    fullName: {
      'single-word': 'I need your full name, with surname. 🙂',
      invalid: 'I could not understand the name. Could you write only the full name?',
    },
    email: {
      invalid: 'That address does not look right. Could you check it?',
      taken: 'There is a registration with that address already. Could you use another one?',
    },
    cpf: {
      invalid: 'That CPF is not valid. It has 11 digits; could you check it?',
      taken: 'There is a registration with that CPF already. Could you check the number?',
    },
    phone: {
      incomplete: 'The area code is missing. Could you send the number with it? For example: *11 98888-7777*.',
      invalid: 'That phone number does not look right. For example: *11 98888-7777*.',
    },
    city: { invalid: 'I did not understand the city. Could you write only its name?' },
    state: { invalid: 'I did not understand the state. Could you send its two letters? For example: *SP*.' },
    profile: { invalid: 'I did not understand. Please choose a profile:' },
  },
  emailHint: ({ email }) => `Did you mean *${email}*? Answer *YES*, or write the address again.`,
  labels: {
    fullName: 'Name',
    email: 'E-mail',
    cpf: 'CPF',
    phone: 'Phone',
    city: 'City',
    state: 'State',
    profile: 'Profile',
  },
  confirm: ({ event, lines }) =>
    `Please check your registration for *${event}*:\n\n${lines}\n\nIs it right? Answer *YES* to confirm, or tell me what to correct.`,
  yes: 'Yes, confirm',
  no: 'Correct',
  whichField: 'What would you like to correct?',
  open: 'See fields',
  saved: ({ event }) => `✅ You are registered for *${event}*! I am sending the confirmation to your e-mail. 📧`,
  mailed: 'Done, the confirmation e-mail is on its way. 🙂',
  notMailed: 'The e-mail did not go out just now, but your registration is safe. 👍',
  words: {
    fullName: ['name', 'full name', 'surname'],
    email: ['email', 'e mail', 'mail'],
    cpf: ['cpf'],
    phone: ['phone', 'number', 'mobile', 'telephone'],
    city: ['city', 'town'],
    state: ['state', 'uf'],
    profile: ['profile', 'category'],
  },
  hasNone: /^(?:i (?:do not|don t) (?:have|know|remember)|i have no|none)\b/u,
  needed:
    'Without it I cannot finish the registration here. 😕 For help from our team, send *PERSON*. To stop, send *CANCEL*.',
  corrects: phrases('wrong, mistake, mistyped, correct, change, fix, actually'),
};

const es: RegistrationTexts = {
  begin: ({ event }) => `¡Qué bien! Vamos a hacer tu inscripción en *${event}*. 📝 Son solo unas preguntas.`,
  goOn: ({ event }) => `Sigamos con tu inscripción en *${event}* donde la dejamos. 📝`,
  ask: {
    fullName: '¿Cuál es tu *nombre completo*?',
    email: '¿Cuál es tu *correo*?',
    cpf: '¿Cuál es tu *CPF* (número fiscal de Brasil)?',
    phone: '¿Cuál es tu *teléfono*, con código de área?',
    city: '¿En qué *ciudad* vives?',
    state: '¿Y en qué *estado* (UF)?',
    profile: '¿Cuál es tu *perfil*?',
  },
  problems: {
    fullName: {
      'single-word': 'Necesito el nombre completo, con apellido. 🙂',
      invalid: 'No pude entender el nombre. ¿Puedes escribir solo el nombre completo?',
    },
    email: {
      invalid: 'Ese correo no parece correcto. ¿Puedes revisarlo?',
      taken: 'Ya hay una inscripción con ese correo. ¿Puedes usar otro?',
    },
    cpf: {
      invalid: 'Ese CPF no es válido. Son 11 números; ¿puedes revisarlo?',
      taken: 'Ya hay una inscripción con ese CPF. ¿Puedes revisar el número?',
    },
    phone: {
      incomplete: 'Faltó el código de área. ¿Puedes enviarlo? Por ejemplo: *11 98888-7777*.',
      invalid: 'Ese teléfono no parece correcto. Por ejemplo: *11 98888-7777*.',
    },
    city: { invalid: 'No entendí la ciudad. ¿Puedes escribir solo su nombre?' },
    state: { invalid: 'No entendí el estado. ¿Puedes enviar la sigla? Por ejemplo: *SP*.' },
    profile: { invalid: 'No entendí. Elige uno de los perfiles:' },
  },
  emailHint: ({ email }) => `¿Quisiste decir *${email}*? Responde *SÍ*, o escribe el correo de nuevo.`,
  labels: {
    fullName: 'Nombre',
    email: 'Correo',
    cpf: 'CPF',
    phone: 'Teléfono',
    city: 'Ciudad',
    state: 'Estado',
    profile: 'Perfil',
  },
  confirm: ({ event, lines }) =>
    `Revisa tu inscripción en *${event}*:\n\n${lines}\n\n¿Está todo bien? Responde *SÍ* para confirmar, o di qué quieres corregir.`,
  yes: 'Sí, confirmar',
  no: 'Corregir',
  whichField: '¿Qué quieres corregir?',
  open: 'Ver campos',
  saved: ({ event }) => `✅ ¡Inscripción hecha en *${event}*! Te estoy enviando la confirmación por correo. 📧`,
  mailed: 'Listo, el correo de confirmación ya salió. 🙂',
  notMailed: 'El correo no salió ahora, pero tu inscripción está asegurada. 👍',
  words: {
    fullName: ['nombre', 'nombre completo', 'apellido'],
    email: ['correo', 'email', 'e mail', 'mail'],
    cpf: ['cpf'],
    phone: ['telefono', 'celular', 'numero'],
    city: ['ciudad'],
    state: ['estado', 'uf'],
    profile: ['perfil', 'categoria'],
  },
  hasNone: /^(?:yo )?(?:no tengo|no se|no recuerdo)\b/u,
  needed:
    'Sin eso no puedo terminar la inscripción por aquí. 😕 Para que te ayude el equipo, envía *PERSONA*. Para parar, envía *CANCELAR*.',
  corrects: phrases(
    'me equivoque, corregir, cambiar, cambia, equivocado, equivocada, error, mal, en realidad, modificar',
  ),
};

/** By locale. */
export const registrationTexts: ByLocale<RegistrationTexts> = { 'pt-BR': ptBr, en, es };
