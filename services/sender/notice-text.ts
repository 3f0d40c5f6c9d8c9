/** What people read in a mail about messages that need them. Counts, names of accounts and codes; nothing of anybody. Pure. */

/** Messages of an account with one cause. */
export interface NoticeGroup {
  readonly instance: string;
  /** Stable code. */
  readonly cause: string;
  readonly count: number;
  /** They wait for the account, which is shut; else for a decision. */
  readonly held: boolean;
}

interface Words {
  readonly subject: (count: number, tenant: string) => string;
  readonly undecided: string;
  readonly held: string;
  readonly line: (account: string, cause: string, count: number) => string;
  readonly next: string;
}

const words: Readonly<Record<string, Words>> = {
  'pt-BR': {
    subject: (count, tenant) =>
      count === 1 ? `[Prosa] 1 mensagem não saiu (${tenant})` : `[Prosa] ${count} mensagens não saíram (${tenant})`,
    undecided: 'Esperam uma decisão, depois que todas as tentativas falharam:',
    held: 'Esperam por uma conta que não está enviando; saem quando ela voltar:',
    line: (account, cause, count) => `- ${account}: ${count} (${cause})`,
    next: 'Para ver e decidir: GET /v1/manual-queue, ou prosa deliveries causes.',
  },
  en: {
    subject: (count, tenant) =>
      count === 1
        ? `[Prosa] 1 message did not go out (${tenant})`
        : `[Prosa] ${count} messages did not go out (${tenant})`,
    undecided: 'They wait for a decision, after every attempt failed:',
    held: 'They wait for an account that does not send, and go out when it is back:',
    line: (account, cause, count) => `- ${account}: ${count} (${cause})`,
    next: 'To see them and decide: GET /v1/manual-queue, or prosa deliveries causes.',
  },
  es: {
    subject: (count, tenant) =>
      count === 1 ? `[Prosa] 1 mensaje no salió (${tenant})` : `[Prosa] ${count} mensajes no salieron (${tenant})`,
    undecided: 'Esperan una decisión, después de que fallaron todos los intentos:',
    held: 'Esperan por una cuenta que no está enviando; salen cuando vuelva:',
    line: (account, cause, count) => `- ${account}: ${count} (${cause})`,
    next: 'Para verlos y decidir: GET /v1/manual-queue, o prosa deliveries causes.',
  },
};
const otherwise = 'pt-BR';

/** Subject and text of a notice in the tenant's language. `names` are those of its accounts. */
export function noticeText(
  locale: unknown,
  tenant: string,
  groups: readonly NoticeGroup[],
  names: ReadonlyMap<string, string>,
): { readonly subject: string; readonly text: string } {
  const own = words[typeof locale === 'string' ? locale : otherwise] ?? words[otherwise];
  if (own === undefined) throw new Error('a language is missing');
  const part = (title: string, of: readonly NoticeGroup[]): readonly string[] =>
    of.length === 0
      ? []
      : [title, ...of.map((one) => own.line(names.get(one.instance) ?? one.instance, one.cause, one.count)), ''];
  return {
    subject: own.subject(
      groups.reduce((sum, { count }) => sum + count, 0),
      tenant,
    ),
    text: [
      ...part(
        own.undecided,
        groups.filter(({ held }) => !held),
      ),
      ...part(
        own.held,
        groups.filter(({ held }) => held),
      ),
      own.next,
    ].join('\n'),
  };
}
