/** Hands webhooks to ingest as a provider does, so that they take the same way as all others. */
import { OperatingError } from '#runtime/errors.ts';

/** What ingest answered: how many events were new, and how many it had. */
export interface HandedIn {
  readonly accepted: number;
  readonly duplicates: number;
}

/** Throws `log.unavailable` when ingest cannot take it now: again later. Anything else that is thrown is a defect. */
export type PostWebhook = (path: string, body: string, headers: Readonly<Record<string, string>>) => Promise<HandedIn>;

const timeoutMs = 10_000;

/** Where ingest is, is asked at each call: a port may not be known before. */
export const postWebhookTo =
  (ingestUrl: () => string): PostWebhook =>
  async (path, body, headers) => {
    const answer = await fetch(`${ingestUrl()}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
    }).catch((caught: unknown) => {
      throw new OperatingError('log.unavailable', 'ingest cannot be reached', caught);
    });
    // Read whole, whatever the status, so that the connection can be used again.
    const text = await answer.text();
    if (answer.status === 429 || answer.status >= 500)
      throw new OperatingError('log.unavailable', 'ingest cannot take it now');
    if (answer.status !== 200) throw new Error(`ingest refused a webhook of our own: ${answer.status}`);
    const { accepted = 0, duplicates = 0 } = JSON.parse(text) as Partial<HandedIn>;
    return { accepted, duplicates };
  };
