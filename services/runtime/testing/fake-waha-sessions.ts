/**
 * The part of a fake WAHA that is about sessions: life, code to scan, chats. Answers like the real one
 * (OpenAPI 2026.7); a session that was never heard of is WORKING, so that tests of sending need not begin
 * with one.
 */

/** Who decides what becomes of sessions, in place of `next`. */
export interface SessionLife {
  /** Gives the status that it leads to. A start of a session that runs is not asked for. */
  act(action: 'start' | 'restart' | 'stop' | 'logout'): string;
  /** What is to be scanned now. */
  code(): string;
}

/** What is known of sessions. */
export interface FakeSessions {
  /** Status by name. */
  readonly status: Map<string, string>;
  /** Names of those that were taken away, or are not there yet. */
  readonly gone: Set<string>;
  /** Statuses that a start or restart leads to, one after the other; WORKING when there is none left. */
  readonly next: string[];
  /** Codes given out so far. */
  codes: number;
  life?: SessionLife;
}

/** Opens it. */
export const fakeSessions = (): FakeSessions => ({ status: new Map(), gone: new Set(), next: [], codes: 0 });

/** Status and body. */
type Answered = readonly [status: number, body: unknown];

const unknown: Answered = [404, { message: 'Session not found', error: 'Not Found', statusCode: 404 }];

/** Answers a request about sessions; undefined when it is about something else. */
export function answerSession(
  sessions: FakeSessions,
  method: string,
  path: string,
  body: unknown,
): Answered | undefined {
  if (method === 'POST' && path === '/api/sessions') return create(sessions, body as { readonly name?: string });
  const [, name = '', action = ''] = /^\/api\/sessions\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
  if (name !== '') return answerLife(sessions, method, decodeURIComponent(name), action);
  const [, linked = '', by = ''] = /^\/api\/([^/]+)\/auth\/(qr|request-code)$/.exec(path) ?? [];
  if (method !== (by === 'qr' ? 'GET' : 'POST') || linked === '') return undefined;
  if (statusOf(sessions, decodeURIComponent(linked)) !== 'SCAN_QR_CODE')
    return [422, { message: 'Session is not waiting for a code' }];
  if (by === 'request-code') return [201, { code: 'ABCD-1234' }];
  sessions.codes += 1;
  return [200, { value: sessions.life?.code() ?? `2@code-${sessions.codes}` }];
}

const started = ({ life, next }: FakeSessions, action: 'start' | 'restart'): string =>
  life?.act(action) ?? next.shift() ?? 'WORKING';

const statusOf = ({ status }: FakeSessions, name: string): string => status.get(name) ?? 'WORKING';

function create(sessions: FakeSessions, { name = 'default' }: { readonly name?: string }): Answered {
  sessions.gone.delete(name);
  sessions.status.set(name, started(sessions, 'start'));
  return [201, { name, status: statusOf(sessions, name), config: {} }];
}

function answerLife(sessions: FakeSessions, method: string, name: string, action: string): Answered | undefined {
  if (sessions.gone.has(name)) return unknown;
  if (method === 'DELETE' && action === '') {
    sessions.gone.add(name);
    sessions.life?.act('logout');
    return [200, {}];
  }
  if (method === 'GET' && action === '')
    return [200, { name, status: statusOf(sessions, name), me: { id: '5511900000000@c.us' }, engine: {} }];
  if (method !== 'POST') return undefined;
  if (action === 'stop' || action === 'logout') sessions.status.set(name, sessions.life?.act(action) ?? 'STOPPED');
  // A session that runs is left alone by a start.
  else if (action === 'restart' || (action === 'start' && !runs(statusOf(sessions, name))))
    sessions.status.set(name, started(sessions, action));
  else if (action !== 'start') return undefined;
  return [201, { name, status: statusOf(sessions, name) }];
}

const runs = (status: string): boolean => status !== 'STOPPED' && status !== 'FAILED';
