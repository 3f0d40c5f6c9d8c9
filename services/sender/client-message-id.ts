import { createHash } from 'node:crypto';

/**
 * The WhatsApp message id that we choose for a delivery, in the form that WhatsApp Web uses (`3EB0`
 * and 18 hex digits). The same in every attempt, so that a repeat is the same message.
 */
export const clientMessageIdOf = (deliveryId: string): string =>
  `3EB0${createHash('sha256').update(deliveryId).digest('hex').slice(0, 18).toUpperCase()}`;
