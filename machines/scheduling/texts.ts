/** What is said while an appointment is made. Times come in words. */
import type { ByLocale } from '#machines/conversation/assisting-texts.ts';

/** Of one language. */
export interface SchedulingTexts {
  readonly askService: string;
  readonly openServices: string;
  readonly askWhen: (of: { readonly service: string; readonly moving: boolean }) => string;
  readonly whichReading: string;
  readonly past: string;
  readonly unread: string;
  readonly times: (of: { readonly service: string }) => string;
  /** Goes above other times, when the wanted one cannot be had. */
  readonly notFree: string;
  readonly takenMeanwhile: string;
  /** Goes above the question for a yes, which came too late for what was held. */
  readonly stillFree: string;
  readonly noTimes: string;
  readonly closed: string;
  readonly openTimes: string;
  readonly otherTimes: string;
  /** Folded; a short message with one of these wants other times than were shown. */
  readonly otherWords: ReadonlySet<string>;
  readonly howToChoose: string;
  readonly confirm: (of: { readonly service: string; readonly when: string; readonly moving: boolean }) => string;
  readonly yes: string;
  readonly no: string;
  readonly declined: (of: { readonly moving: boolean }) => string;
  readonly booked: (of: { readonly service: string; readonly when: string; readonly moving: boolean }) => string;
  readonly offerMail: string;
  readonly askAddress: string;
  readonly emailInvalid: string;
  readonly emailHint: (of: { readonly email: string }) => string;
  readonly mailed: string;
  readonly notMailed: string;
  readonly bookedClosing: string;
}

const words = (list: string): ReadonlySet<string> => new Set(list.split(',').map((phrase) => phrase.trim()));

const ptBr: SchedulingTexts = {
  askService: 'Claro! 🙂 O que você quer marcar?',
  openServices: 'Ver serviços',
  askWhen: ({ service, moving }) =>
    `Para quando você quer ${moving ? 'mudar' : 'marcar'} *${service}*? Pode escrever do seu jeito: *amanhã à tarde*, *sexta às 15h*, *dia 20*…`,
  whichReading: 'Só para eu não errar, qual destes você quer dizer?',
  past: 'Essa data já passou. 🙂 Para quando você quer marcar?',
  unread: 'Não entendi bem a data. Pode escrever de outro jeito? Por exemplo: *quinta às 15h* ou *20/12 de manhã*.',
  times: ({ service }) => `Tenho estes horários para *${service}*:`,
  notFree: 'Esse horário não está livre, mas tenho estes:',
  stillFree: 'Esse horário tinha voltado para a agenda, mas continua livre. 🙂',
  takenMeanwhile: 'Que pena, acabaram de marcar esse horário! 😕 Ainda tenho estes:',
  noTimes: 'Não encontrei horário livre nessa data. 😕 Que outro dia fica bom para você?',
  closed: 'Nesse dia ou horário não atendemos. 🙂 Que outro dia ou horário fica bom para você?',
  openTimes: 'Ver horários',
  otherTimes: 'Outros horários',
  otherWords: words(
    'outro horario, outros horarios, outra hora, outro dia, outros dias, outra data, outras opcoes, mais opcoes, mais horarios, tem outro, tem outros, nenhum, nenhum desses, nenhum deles, nenhuma, nao posso, nao da, nao serve, nao consigo',
  ),
  howToChoose: 'Responda com o número, ou me diga outro dia.',
  confirm: ({ service, when, moving }) =>
    `${moving ? 'Posso mudar para este horário' : 'Posso marcar'}?\n\n📌 *${service}*\n🗓️ ${when}\n\nResponda *SIM* ou *NÃO*.`,
  yes: 'Sim, pode marcar',
  no: 'Não',
  declined: ({ moving }) =>
    `Sem problema, ${moving ? 'não mudei' : 'não marquei'}. 🙂 Que outro dia ou horário fica bom para você?`,
  booked: ({ service, when, moving }) => `✅ ${moving ? 'Horário mudado!' : 'Marcado!'}\n\n📌 *${service}*\n🗓️ ${when}`,
  offerMail: 'Quer receber a confirmação por e-mail? Mande seu *e-mail*, ou *NÃO*.',
  askAddress: 'Qual é o seu *e-mail*? Se preferir sem e-mail, mande *NÃO*.',
  emailInvalid: 'Esse e-mail não parece certo. Pode conferir? Se preferir sem e-mail, mande *NÃO*.',
  emailHint: ({ email }) => `Você quis dizer *${email}*? Responda *SIM*, ou escreva o e-mail de novo.`,
  mailed: 'Pronto, mandei a confirmação para o seu e-mail. 📧',
  notMailed: 'Não consegui mandar o e-mail agora, mas seu horário está marcado. 👍',
  bookedClosing: 'Combinado! Até lá. 👋',
};

const en: SchedulingTexts = {
  askService: 'Sure! 🙂 What would you like to book?',
  openServices: 'See services',
  askWhen: ({ service, moving }) =>
    `When would you like ${moving ? 'to move ' : ''}*${service}*${moving ? ' to' : ''}? Write it your way: *tomorrow afternoon*, *Friday at 3pm*, *20 December*…`,
  whichReading: 'Just to be sure, which of these do you mean?',
  past: 'That date is over. 🙂 When would you like to come?',
  unread: 'I did not quite understand the date. Could you write it another way? For example: *Thursday at 3pm*.',
  times: ({ service }) => `I have these times for *${service}*:`,
  notFree: 'That time is not free, but I have these:',
  stillFree: 'That time had gone back to the calendar, but it is still free. 🙂',
  takenMeanwhile: 'What a pity, somebody has just taken that time! 😕 I still have these:',
  noTimes: 'I found no free time then. 😕 Which other day suits you?',
  closed: 'We are closed then. 🙂 Which other day or time suits you?',
  openTimes: 'See times',
  otherTimes: 'Other times',
  otherWords: words(
    'other times, another time, other time, another day, other days, more times, more options, none, none of these, none of them, any other, i can t',
  ),
  howToChoose: 'Answer with the number, or tell me another day.',
  confirm: ({ service, when, moving }) =>
    `${moving ? 'Shall I move it to' : 'Shall I book'}:\n\n📌 *${service}*\n🗓️ ${when}\n\nAnswer *YES* or *NO*.`,
  yes: 'Yes, book it',
  no: 'No',
  declined: ({ moving }) =>
    `No problem, nothing was ${moving ? 'moved' : 'booked'}. 🙂 Which other day or time suits you?`,
  booked: ({ service, when, moving }) => `✅ ${moving ? 'Moved!' : 'Booked!'}\n\n📌 *${service}*\n🗓️ ${when}`,
  offerMail: 'Would you like a confirmation by e-mail? Send your *e-mail address*, or *NO*.',
  askAddress: 'What is your *e-mail address*? If you prefer none, send *NO*.',
  emailInvalid: 'That address does not look right. Could you check it? If you prefer none, send *NO*.',
  emailHint: ({ email }) => `Did you mean *${email}*? Answer *YES*, or write the address again.`,
  mailed: 'Done, I have sent the confirmation to your e-mail. 📧',
  notMailed: 'I could not send the e-mail just now, but your time is booked. 👍',
  bookedClosing: 'All right! See you then. 👋',
};

const es: SchedulingTexts = {
  askService: '¡Claro! 🙂 ¿Qué quieres reservar?',
  openServices: 'Ver servicios',
  askWhen: ({ service, moving }) =>
    `¿Para cuándo quieres ${moving ? 'cambiar ' : ''}*${service}*? Escríbelo a tu manera: *mañana por la tarde*, *viernes a las 15*, *el 20*…`,
  whichReading: 'Para no equivocarme, ¿cuál de estos quieres decir?',
  past: 'Esa fecha ya pasó. 🙂 ¿Para cuándo quieres reservar?',
  unread: 'No entendí bien la fecha. ¿Puedes escribirla de otra forma? Por ejemplo: *jueves a las 15*.',
  times: ({ service }) => `Tengo estos horarios para *${service}*:`,
  notFree: 'Ese horario no está libre, pero tengo estos:',
  stillFree: 'Ese horario había vuelto a la agenda, pero sigue libre. 🙂',
  takenMeanwhile: '¡Qué pena, acaban de tomar ese horario! 😕 Todavía tengo estos:',
  noTimes: 'No encontré horario libre en esa fecha. 😕 ¿Qué otro día te queda bien?',
  closed: 'Ese día u horario no atendemos. 🙂 ¿Qué otro día u horario te queda bien?',
  openTimes: 'Ver horarios',
  otherTimes: 'Otros horarios',
  otherWords: words(
    'otro horario, otros horarios, otra hora, otro dia, otros dias, otra fecha, mas opciones, mas horarios, ninguno, ninguno de esos, no puedo, no me sirve',
  ),
  howToChoose: 'Responde con el número, o dime otro día.',
  confirm: ({ service, when, moving }) =>
    `${moving ? '¿Lo cambio a este horario' : '¿Reservo'}?\n\n📌 *${service}*\n🗓️ ${when}\n\nResponde *SÍ* o *NO*.`,
  yes: 'Sí, reservar',
  no: 'No',
  declined: ({ moving }) =>
    `No hay problema, no ${moving ? 'cambié' : 'reservé'} nada. 🙂 ¿Qué otro día u horario te queda bien?`,
  booked: ({ service, when, moving }) => `✅ ${moving ? '¡Cambiado!' : '¡Reservado!'}\n\n📌 *${service}*\n🗓️ ${when}`,
  offerMail: '¿Quieres la confirmación por correo? Envía tu *correo*, o *NO*.',
  askAddress: '¿Cuál es tu *correo*? Si prefieres sin correo, envía *NO*.',
  emailInvalid: 'Ese correo no parece correcto. ¿Puedes revisarlo? Si prefieres sin correo, envía *NO*.',
  emailHint: ({ email }) => `¿Quisiste decir *${email}*? Responde *SÍ*, o escribe el correo de nuevo.`,
  mailed: 'Listo, envié la confirmación a tu correo. 📧',
  notMailed: 'Ahora no pude enviar el correo, pero tu horario está reservado. 👍',
  bookedClosing: '¡Perfecto! Nos vemos. 👋',
};

/** By locale. */
export const schedulingTexts: ByLocale<SchedulingTexts> = { 'pt-BR': ptBr, en, es };
