/**
 * Access tokens of service accounts at Google: a signed JWT for a token that lasts an hour
 * (developers.google.com/identity/protocols/oauth2/service-account, "HTTP/REST"). Owns the tokens, in memory alone.
 */
import { createSign } from 'node:crypto';

import { z } from 'zod';

import { Lru } from '../../lru.ts';
import {
  NoAnswer,
  type ProviderAnswer,
  type ProviderHttp,
  isGood,
  noAnswer,
} from '../../net/adapters/provider-http.ts';
import { CalendarFailure } from '../outside-calendar.ts';

/** What of the key file of a service account is used. Where tokens are had is not taken from it: others write it. */
export const serviceAccountShape = z.object({
  client_email: z.string().min(3).max(320),
  private_key: z.string().min(20).max(16_384),
  private_key_id: z.string().max(200).optional(),
});
export type ServiceAccount = z.infer<typeof serviceAccountShape>;

const scope = 'https://www.googleapis.com/auth/calendar.events';
const lifeSeconds = 3_600;
/** A token is not used for its last minute: the call that takes it has to arrive. */
const marginMs = 60_000;
const accountsMax = 1_000;

const answerShape = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

/** Gives tokens. Throws `CalendarFailure`. */
export interface GoogleTokens {
  /** The account's token; a new one when `refused` is the one that was not taken. */
  tokenOf(account: ServiceAccount, refused?: string): Promise<string>;
}

/** Opens them. `tokenUrl` is Google's, or a test's. */
export function openGoogleTokens(http: ProviderHttp, tokenUrl: string, now: () => number): GoogleTokens {
  const kept = new Lru<string, { readonly token: Promise<string>; until: number; value?: string }>(accountsMax);

  const ask = async (account: ServiceAccount): Promise<z.infer<typeof answerShape>> => {
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: assertionOf(account, tokenUrl, now()),
    });
    const bytes = { contentType: 'application/x-www-form-urlencoded', data: Buffer.from(body.toString()) };
    const answer = await http.call({ method: 'POST', url: new URL(tokenUrl), bytes }).catch(noAnswer);
    if (answer instanceof NoAnswer || answer.status === 429 || answer.status >= 500)
      throw new CalendarFailure('calendar.unavailable', { retry: true });
    if (!isGood(answer)) throw new CalendarFailure('calendar.unauthorized');
    return tokenIn(answer);
  };

  return {
    tokenOf(account, refused) {
      const name = `${account.client_email}/${account.private_key_id ?? ''}`;
      const known = kept.get(name);
      if (known !== undefined && known.until > now() && (refused === undefined || known.value !== refused))
        return known.token;
      // Those who ask meanwhile wait for the same one; a failure is nobody's but theirs.
      const asked = ask(account);
      const entry: { readonly token: Promise<string>; until: number; value?: string } = {
        token: asked.then(({ access_token: token }) => token),
        until: now() + marginMs,
      };
      kept.set(name, entry);
      asked.then(
        ({ access_token: token, expires_in: seconds }) => {
          entry.value = token;
          entry.until = now() + seconds * 1_000 - marginMs;
        },
        () => {
          if (kept.get(name) === entry) kept.delete(name);
        },
      );
      return entry.token;
    },
  };
}

function assertionOf(account: ServiceAccount, audience: string, at: number): string {
  const issuedAt = Math.floor(at / 1_000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = {
    alg: 'RS256',
    typ: 'JWT',
    ...(account.private_key_id === undefined ? {} : { kid: account.private_key_id }),
  };
  const claims = { iss: account.client_email, scope, aud: audience, iat: issuedAt, exp: issuedAt + lifeSeconds };
  const signed = `${part(header)}.${part(claims)}`;
  try {
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(account.private_key, 'base64url')}`;
  } catch {
    // The library quotes what it could not read.
    throw new CalendarFailure('calendar.unauthorized');
  }
}

function tokenIn({ body }: ProviderAnswer): z.infer<typeof answerShape> {
  try {
    return answerShape.parse(JSON.parse(body));
  } catch {
    throw new CalendarFailure('calendar.unavailable', { retry: true });
  }
}
