import type { ConfirmationText } from './text.ts';

/** Spanish. */
export const es: ConfirmationText = {
  locale: 'es',
  greeting: (name) => (name === null ? '¡Hola!' : `¡Hola, ${name}!`),
  appointment: {
    subject: (service, when) => `Cita confirmada: ${service}, ${when}`,
    body: (service, when, business) => `Tu cita en ${business} está confirmada:\n\n${service}\n${when}`,
    attached: 'La invitación adjunta pone el horario en tu calendario.',
  },
  registration: {
    subject: (event) => `Inscripción confirmada: ${event}`,
    body: (event, participant) =>
      `Tu inscripción en ${event} está confirmada.\n\nNúmero de inscripción: ${participant}`,
  },
  change: 'Para cambiarla o cancelarla, responde en la conversación de WhatsApp.',
  farewell: (business) => `Hasta pronto,\n${business}`,
};
