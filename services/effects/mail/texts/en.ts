import type { ConfirmationText } from './text.ts';

/** English. */
export const en: ConfirmationText = {
  locale: 'en',
  greeting: (name) => (name === null ? 'Hello!' : `Hello, ${name}!`),
  appointment: {
    subject: (service, when) => `Appointment confirmed: ${service}, ${when}`,
    body: (service, when, business) => `Your appointment at ${business} is confirmed:\n\n${service}\n${when}`,
    attached: 'The attached invitation puts it into your calendar.',
  },
  registration: {
    subject: (event) => `Registration confirmed: ${event}`,
    body: (event, participant) => `You are registered for ${event}.\n\nRegistration number: ${participant}`,
  },
  change: 'To change or cancel it, answer in the WhatsApp conversation.',
  farewell: (business) => `See you soon,\n${business}`,
};
