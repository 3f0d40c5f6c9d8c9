/** What a delivery can be, in the order of its life; as in the check of the table `deliveries`. Imports nothing: the command line starts with it. */
export const deliveryStatuses = [
  'queued',
  'scheduled',
  'sending',
  'sent',
  'delivered',
  'read',
  'failed',
  'unknown',
  'manual',
  'cancelled',
] as const;
