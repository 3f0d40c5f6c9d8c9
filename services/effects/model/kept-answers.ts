/**
 * Answers to frequent questions, kept for a while (R23). Only what is nobody's: neither question nor answer may
 * hold anything of the person, and the question has to be understood by itself.
 */
import type { ModelQuestion } from '#machines/conversation/asks.ts';
import type { Tools } from '#machines/conversation/tools.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';

import { languageOf } from './policy.ts';

/** An answer, as it was proposed. */
export type KeptAnswer = Tools['answer'];

const questionMax = 160;
const wordsMin = 3;
const perTenantMaxDefault = 500;

/** Words that mean something said before, folded, by language. */
const leaningOnEarlier: Readonly<Record<string, RegExp>> = {
  pt: /^(?:e|mas) |\b(?:iss[oe]|ess[ea]s?|aquel[ea]s?|aquilo|d?nel[ea]s?|del[ea]s?|el[ea]s?|la|ai)\b/,
  en: /^(?:and|but) |\b(?:that|this|those|these|it|there|they|them)\b/,
  es: /^(?:y|pero) |\b(?:es[oae]s?|ese|ell[oa]s?|ahi|alli)\b/,
};

/** Folded: what people write differently and mean alike. */
const folded = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/** Whether the answer to a question may be kept, or one that was kept given. */
export function mayBeKept({ step, locale, said, handles, facts, tools }: ModelQuestion): boolean {
  const question = folded(said);
  return (
    step.startsWith('information.') &&
    tools.includes('answer') &&
    said.length <= questionMax &&
    question.split(' ').length >= wordsMin &&
    leaningOnEarlier[languageOf(locale)]?.test(question) !== true &&
    isNobodys(said, handles, facts)
  );
}

/** Whether an answer may be kept for others. */
export const isForAll = ({ handles, facts }: ModelQuestion, { text }: KeptAnswer): boolean =>
  isNobodys(text, handles, facts);

/** No address, no number and no name, but what the tenant says to everybody. */
function isNobodys(text: string, handles: ModelQuestion['handles'], facts: ModelQuestion['facts']): boolean {
  const told = folded([...handles.map(({ label }) => label), facts['business'] ?? ''].join(' '));
  const isTold = (word: string): boolean => ` ${told} `.includes(` ${word} `);
  const words = new Set(folded(text).split(' '));
  const known = folded(Object.values(facts).join(' '))
    .split(' ')
    .filter((word) => word.length >= 3 && !isTold(word));
  const digits = text.match(/\p{Nd}(?:[\s.-]{0,2}\p{Nd}){3,}/gu) ?? [];
  return !text.includes('@') && !known.some((word) => words.has(word)) && digits.every((run) => isTold(folded(run)));
}

/** Where they are kept, as prosa_worker. Throws `database.unavailable` and `vault.unavailable`. */
export function openKeptAnswers(
  { database, vault, now }: Pick<Runtime, 'database' | 'vault' | 'now'>,
  perTenantMax = perTenantMaxDefault,
) {
  const keyOf = (tenant: string, revision: string, { locale, said, handles }: ModelQuestion): string =>
    vault.index(tenant, 'kept-answer', JSON.stringify([revision, locale, folded(said), handles]));
  const sealedIn = (tenant: string, key: string) => ({
    tenant,
    actor: tenantSubject(tenant),
    type: 'answer.kept',
    eventId: key,
  });

  return {
    async find(tenant: string, revision: string, question: ModelQuestion): Promise<KeptAnswer | undefined> {
      const key = keyOf(tenant, revision, question);
      const { rows } = await database.query<{ sealed: Buffer }>(
        [tenant],
        'SELECT sealed FROM kept_answers WHERE tenant = $1 AND key = $2 AND expires_at > to_timestamp($3 / 1000.0)',
        [tenant, key, now()],
      );
      if (rows[0] === undefined) return undefined;
      const opened = await vault.open<KeptAnswer>(sealedIn(tenant, key), rows[0].sealed);
      return opened.state === 'erased' ? undefined : opened.value;
    },

    /** Keeps one in place of the oldest, once the tenant has its number of them. */
    async keep(tenant: string, revision: string, question: ModelQuestion, answer: KeptAnswer, forMs: number) {
      const key = keyOf(tenant, revision, question);
      const sealed = await vault.seal(sealedIn(tenant, key), tenantSubject(tenant), now(), answer);
      await database.queries(
        [tenant],
        [
          [
            `INSERT INTO kept_answers (tenant, key, sealed, kept_at, expires_at)
             VALUES ($1, $2, $3, to_timestamp($4 / 1000.0), to_timestamp(($4 + $5) / 1000.0))
             ON CONFLICT (tenant, key) DO UPDATE
               SET sealed = excluded.sealed, kept_at = excluded.kept_at, expires_at = excluded.expires_at`,
            [tenant, key, sealed, now(), forMs],
          ],
          [
            `DELETE FROM kept_answers WHERE tenant = $1 AND kept_at <
               (SELECT kept_at FROM kept_answers WHERE tenant = $1 ORDER BY kept_at DESC OFFSET $2 LIMIT 1)`,
            [tenant, perTenantMax - 1],
          ],
        ],
      );
    },
  };
}

/** The kept answers. */
export type KeptAnswers = ReturnType<typeof openKeptAnswers>;
