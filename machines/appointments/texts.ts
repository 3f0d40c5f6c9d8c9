/** What is said of appointments that somebody has. Times come in words. */
import type { ByLocale } from '#machines/conversation/assisting-texts.ts';

/** Of one language. */
export interface AppointmentsTexts {
  readonly none: string;
  readonly howToBook: string;
  readonly list: string;
  readonly open: string;
  readonly whichToCancel: string;
  readonly whichToMove: string;
  readonly howToChoose: string;
  readonly confirmCancel: (of: { readonly service: string; readonly when: string }) => string;
  readonly yes: string;
  readonly no: string;
  readonly cancelled: (of: { readonly service: string; readonly when: string }) => string;
  readonly gone: string;
  readonly kept: string;
  readonly whatNow: (of: { readonly service: string; readonly when: string }) => string;
  readonly move: string;
  readonly cancel: string;
  readonly back: string;
  /** Somebody of the tenant's booked or cancelled one for the person. */
  readonly bookedForYou: (of: Told) => string;
  readonly cancelledForYou: (of: Told) => string;
}

interface Told {
  readonly service: string;
  readonly when: string;
  readonly business: string;
}

const ptBr: AppointmentsTexts = {
  none: 'Você não tem nenhum horário marcado. 🙂',
  howToBook: 'Para marcar um, é só mandar *MARCAR*.',
  list: 'Seus horários marcados:',
  open: 'Ver horários',
  whichToCancel: 'Qual horário você quer cancelar?',
  whichToMove: 'Qual horário você quer mudar?',
  howToChoose: 'Para mudar ou cancelar um deles, responda com o número. Para voltar, mande *MENU*.',
  confirmCancel: ({ service, when }) =>
    `Posso cancelar este horário?\n\n📌 *${service}*\n🗓️ ${when}\n\nResponda *SIM* ou *NÃO*.`,
  yes: 'Sim, cancelar',
  no: 'Não',
  cancelled: ({ service, when }) => `✅ Cancelado: *${service}*, ${when}.`,
  gone: 'Esse horário já não estava mais marcado.',
  kept: 'Certo, deixei marcado. 🙂',
  whatNow: ({ service, when }) =>
    `📌 *${service}*\n🗓️ ${when}\n\nO que você quer fazer?\n\n*1* Mudar o horário\n*2* Cancelar\n*3* Voltar`,
  move: 'Mudar o horário',
  cancel: 'Cancelar',
  back: 'Voltar',
  bookedForYou: ({ service, when, business }) =>
    `📅 *${business}* marcou um horário para você:\n\n📌 *${service}*\n🗓️ ${when}\n\nPara mudar ou cancelar, é só pedir por aqui.`,
  cancelledForYou: ({ service, when, business }) =>
    `*${business}* cancelou este seu horário:\n\n📌 *${service}*\n🗓️ ${when}\n\nPara marcar outro, é só pedir por aqui.`,
};

const en: AppointmentsTexts = {
  none: 'You have no appointments. 🙂',
  howToBook: 'To book one, just send *BOOK*.',
  list: 'Your appointments:',
  open: 'See appointments',
  whichToCancel: 'Which appointment would you like to cancel?',
  whichToMove: 'Which appointment would you like to move?',
  howToChoose: 'To move or cancel one, answer with its number. To go back, send *MENU*.',
  confirmCancel: ({ service, when }) =>
    `Shall I cancel this appointment?\n\n📌 *${service}*\n🗓️ ${when}\n\nAnswer *YES* or *NO*.`,
  yes: 'Yes, cancel it',
  no: 'No',
  cancelled: ({ service, when }) => `✅ Cancelled: *${service}*, ${when}.`,
  gone: 'That appointment was no longer there.',
  kept: 'All right, it stays. 🙂',
  whatNow: ({ service, when }) =>
    `📌 *${service}*\n🗓️ ${when}\n\nWhat would you like to do?\n\n*1* Move it\n*2* Cancel it\n*3* Go back`,
  move: 'Move it',
  cancel: 'Cancel it',
  back: 'Go back',
  bookedForYou: ({ service, when, business }) =>
    `📅 *${business}* has booked an appointment for you:\n\n📌 *${service}*\n🗓️ ${when}\n\nTo move or cancel it, just ask here.`,
  cancelledForYou: ({ service, when, business }) =>
    `*${business}* has cancelled this appointment of yours:\n\n📌 *${service}*\n🗓️ ${when}\n\nTo book another one, just ask here.`,
};

const es: AppointmentsTexts = {
  none: 'No tienes ningún turno. 🙂',
  howToBook: 'Para reservar uno, envía *RESERVAR*.',
  list: 'Tus turnos:',
  open: 'Ver turnos',
  whichToCancel: '¿Qué turno quieres cancelar?',
  whichToMove: '¿Qué turno quieres cambiar?',
  howToChoose: 'Para cambiar o cancelar uno, responde con su número. Para volver, envía *MENÚ*.',
  confirmCancel: ({ service, when }) => `¿Cancelo este turno?\n\n📌 *${service}*\n🗓️ ${when}\n\nResponde *SÍ* o *NO*.`,
  yes: 'Sí, cancelar',
  no: 'No',
  cancelled: ({ service, when }) => `✅ Cancelado: *${service}*, ${when}.`,
  gone: 'Ese turno ya no estaba reservado.',
  kept: 'Bien, queda reservado. 🙂',
  whatNow: ({ service, when }) =>
    `📌 *${service}*\n🗓️ ${when}\n\n¿Qué quieres hacer?\n\n*1* Cambiar el horario\n*2* Cancelar\n*3* Volver`,
  move: 'Cambiar el horario',
  cancel: 'Cancelar',
  back: 'Volver',
  bookedForYou: ({ service, when, business }) =>
    `📅 *${business}* reservó un turno para ti:\n\n📌 *${service}*\n🗓️ ${when}\n\nPara cambiarlo o cancelarlo, pídelo por aquí.`,
  cancelledForYou: ({ service, when, business }) =>
    `*${business}* canceló este turno tuyo:\n\n📌 *${service}*\n🗓️ ${when}\n\nPara reservar otro, pídelo por aquí.`,
};

/** By locale. */
export const appointmentsTexts: ByLocale<AppointmentsTexts> = { 'pt-BR': ptBr, en, es };
