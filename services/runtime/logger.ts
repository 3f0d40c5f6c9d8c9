/**
 * Structured logs: JSON lines on stderr, UTC. Fields are an allow-list: ids, codes, counts and
 * times. What a person wrote, a name, a number or a provider id has no field to be in, and error
 * objects are reduced to their class, code and our own message.
 */
import pino from 'pino';

import { OperatingError } from './errors.ts';

/** What may be said in a line, besides its fixed message. */
export interface LogFields {
  readonly tenant?: string;
  readonly actor?: string;
  readonly instance?: string;
  readonly eventId?: string;
  readonly requestId?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
  readonly group?: string;
  readonly count?: number;
  readonly attempt?: number;
  readonly durationMs?: number;
  readonly status?: number;
  readonly code?: string;
  readonly method?: string;
  /** Route pattern, never the path: paths hold tokens. */
  readonly route?: string;
  readonly port?: number;
  /** Service folder. */
  readonly part?: string;
  readonly error?: unknown;
}

/** Writes lines. The message is a constant text, never built from input. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same logger for another part. */
  child(service: string): Logger;
}

/** Makes the logger of a process. */
export function createLogger(
  level: string,
  service = 'prosa',
  destination: pino.DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger {
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return wrap(root, service);
}

function wrap(root: pino.Logger, service: string): Logger {
  const line = root.child({ service });
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}) => {
      const { error, ...plain } = fields;
      line[level](error === undefined ? plain : { ...plain, error: describeError(error) }, message);
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (name) => wrap(root, name),
  };
}

/**
 * What of an error may be logged. Messages of foreign errors can quote input (a value that did not
 * parse, a row that broke a constraint), so only their class, code and stack frames are kept.
 */
function describeError(caught: unknown): Record<string, unknown> {
  if (!(caught instanceof Error)) return { class: typeof caught };
  const frames = (caught.stack ?? '')
    .split('\n')
    .filter((row) => /^\s+at /.test(row))
    .slice(0, 8)
    .map((row) => row.trim());
  const code =
    'code' in caught && (typeof caught.code === 'string' || typeof caught.code === 'number')
      ? String(caught.code)
      : undefined;
  return {
    class: caught.name,
    ...(code === undefined ? {} : { code }),
    ...(caught instanceof OperatingError ? { message: caught.message } : {}),
    ...(caught.cause === undefined ? {} : { cause: describeError(caught.cause) }),
    frames,
  };
}
