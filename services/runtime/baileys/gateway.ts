/**
 * The REST interface of the Baileys gateway as both sides see it: `services/baileys-gateway` serves it,
 * whoever sends or manages instances calls it. For the cluster's own network, never for tenants.
 */
import { z } from 'zod';

import type { OutboundContent } from '#schemas/content.ts';

import type { Runtime } from '../runtime.ts';

/**
 * The bearer key that opens a tenant's sessions: the configured one, or one that only those can make who have
 * the tenant's own key. Throws `vault.key-wrong` for a tenant without one.
 */
export const gatewayKeyOf = ({ config, vault }: Pick<Runtime, 'config' | 'vault'>, tenant: string): string =>
  config.baileys.key ?? vault.index(tenant, 'baileys-gateway', 'key');

/** Path of a session, or of something of it. */
export const sessionPath = (tenant: string, instance: string, ...rest: readonly string[]): string =>
  ['', 'v1', 'sessions', tenant, instance, ...rest].map(encodeURIComponent).join('/');

const id = z.string().min(1).max(256);
/** Address of a chat or person in any spelling. */
const chat = z.string().min(1).max(256);

/** A message to be sent. Repeats with the same id are the same message. */
export const sendRequest = z.object({
  id: z.string().regex(/^[0-9A-Za-z]{8,64}$/),
  chat,
  /** Under whose keys its content is kept for those who ask for it again. */
  person: id,
  content: z.custom<OutboundContent>((value) => typeof value === 'object' && value !== null && 'kind' in value),
  /** The file of a media content that has no URL, base64. */
  file: z.string().optional(),
});
export type SendRequest = z.infer<typeof sendRequest>;

/** What became of a message. `pending`: it may have been sent, and sending it again makes no second one. */
export const sendAnswer = z.object({
  status: z.enum(['sent', 'pending', 'refused', 'retry', 'unknown']),
  code: z.string().optional(),
});
export type SendAnswer = z.infer<typeof sendAnswer>;

export const typingRequest = z.object({ chat, forMs: z.number().int().min(0).max(60_000) });
export const readRequest = z.object({ chat, id, participant: chat.optional() });
export const pairingRequest = z.object({ phone: z.string().regex(/^\d{6,15}$/) });
export const pairingAnswer = z.object({ code: z.string() });
export const numbersRequest = z.object({
  phones: z
    .array(z.string().regex(/^\d{6,15}$/))
    .min(1)
    .max(50),
});

/** A session. `qr` is there while somebody can scan it. */
export const sessionAnswer = z.object({
  status: z.enum(['unknown', 'stopped', 'starting', 'scanning', 'working', 'failed']),
  reason: z.string().nullable(),
  epoch: z.number(),
  waiting: z.number().describe('Events that ingest does not have yet'),
  qr: z.object({ code: z.string() }).optional(),
});
export type SessionAnswer = z.infer<typeof sessionAnswer>;
