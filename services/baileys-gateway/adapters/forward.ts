/** A request passed on to the gateway that holds its session. */
import { request } from 'undici';

/** The other gateway's answer; undefined when there was none. */
export interface ForwardedAnswer {
  readonly status: number;
  readonly body: unknown;
}

const timeoutMs = 20_000;

/** The header that keeps a request from being passed on twice. */
export const forwardedHeader = 'x-prosa-forwarded';

/** Passes it on. Never throws. */
export async function forward(
  url: URL,
  given: { readonly method: string; readonly authorization: string | undefined; readonly body: unknown },
): Promise<ForwardedAnswer | undefined> {
  try {
    const answer = await request(url, {
      method: given.method as 'GET',
      headers: {
        [forwardedHeader]: '1',
        ...(given.authorization === undefined ? {} : { authorization: given.authorization }),
        ...(given.body == null ? {} : { 'content-type': 'application/json' }),
      },
      ...(given.body == null ? {} : { body: JSON.stringify(given.body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: text === '' ? null : (JSON.parse(text) as unknown) };
  } catch {
    return undefined;
  }
}
