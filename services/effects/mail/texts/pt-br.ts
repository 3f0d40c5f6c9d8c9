import type { ConfirmationText } from './text.ts';

/** Brazilian Portuguese. */
export const ptBr: ConfirmationText = {
  locale: 'pt-BR',
  greeting: (name) => (name === null ? 'Olá!' : `Olá, ${name}!`),
  appointment: {
    subject: (service, when) => `Agendamento confirmado: ${service}, ${when}`,
    body: (service, when, business) => `Seu agendamento em ${business} está confirmado:\n\n${service}\n${when}`,
    attached: 'O convite em anexo põe o horário na sua agenda.',
  },
  registration: {
    subject: (event) => `Inscrição confirmada: ${event}`,
    body: (event, participant) => `Sua inscrição em ${event} está confirmada.\n\nNúmero da inscrição: ${participant}`,
  },
  change: 'Para mudar ou cancelar, responda na conversa do WhatsApp.',
  farewell: (business) => `Até logo,\n${business}`,
};
