/**
 * The error taxonomy. An operating error is expected and ends in one *disposition*: what its
 * handler does. Anything else that is thrown is a programming error and halts the process.
 */

/** What a handler does about an error. */
export type Disposition =
  /** May work later: back off in place, bounded. */
  | 'retry'
  /** This record can never work: copy it to the parked topic, move on, count. */
  | 'park'
  /** Another process owns this now, or the outcome is unknown: drop state, rejoin, no noise. */
  | 'yield'
  /** Local state cannot be trusted: wipe and rebuild it from the journal. */
  | 'rebuild'
  /** A defect of a machine: hold this actor's records, alert; other actors go on. */
  | 'quarantine'
  /** A defect of the runtime or its set-up: stop the process, say why. */
  | 'halt';

/** Every code, with its disposition and what it means. The README's table is compared with it. */
export const errorTable = {
  'log.unavailable': ['retry', 'The log cannot take or give records now.'],
  'log.fenced': ['yield', 'A later owner of the partition exists; this one may write nothing.'],
  'log.outcome-unknown': ['yield', 'A commit was attempted and its outcome is not known.'],
  'log.record-too-large': ['park', 'A record exceeds what the log takes.'],
  'log.offset-out-of-range': [
    'halt',
    'The committed offset is outside what the log holds; records were lost or the log was replaced.',
  ],
  'log.offset-missing': ['halt', 'A partition holds records but its consumer group has no committed offset.'],
  'record.undecodable': ['park', 'The value is not a record that any released schema can read.'],
  'record.unknown-type': ['yield', 'The record type is newer than this process.'],
  'actor.machine-threw': ['quarantine', 'The machine threw on a record.'],
  'actor.endless-loop': ['quarantine', 'The machine did not come to rest.'],
  'actor.killed-process': ['quarantine', 'The process ended three times at this record.'],
  'actor.machine-unknown': ['yield', 'The snapshot names a machine or version that this process does not have.'],
  'actor.effect-unsupported': ['quarantine', 'The machine asked for something the host cannot make durable.'],
  'actor.snapshot-corrupt': ['rebuild', 'The snapshot cannot be opened or its checksum is wrong.'],
  'actor.held-unreadable': ['park', 'What a quarantined actor holds cannot be opened now: it stays held.'],
  'actor.journal-behind': ['retry', 'The journal does not reach the offset to rebuild to yet.'],
  'vault.unavailable': ['retry', 'The key store cannot be reached.'],
  'vault.key-erased': ['park', 'The key was destroyed; the content is gone for good.'],
  'vault.key-missing': ['park', 'The content names a key that does not exist: it cannot be read.'],
  'vault.key-wrong': [
    'halt',
    'The tenant key is missing or does not open its data keys; the key file may be another one.',
  ],
  'vault.tampered': ['park', 'The sealed bytes do not open: they were changed or moved.'],
  'database.unavailable': ['retry', 'Postgres cannot be reached.'],
  'files.unavailable': ['retry', 'The file store cannot take or give files now.'],
  'registry.unavailable': ['retry', 'The schema registry cannot be reached.'],
  'registry.refused': ['halt', 'The schema registry refuses a request, or what answers is none.'],
  'registry.incompatible': ['halt', 'The schema registry holds a schema that does not go with the released ones.'],
  'registry.id-differs': ['halt', 'The schema registry has another id or version for a released schema.'],
  'config.invalid': ['halt', 'A setting is missing or wrong.'],
  'tenant.unconfigured': ['retry', 'The tenant has no configuration yet: nothing can begin for it.'],
  'data-directory.in-use': ['halt', 'Another process runs on this data directory.'],
} as const satisfies Record<string, readonly [Disposition, string]>;

/** Stable error code. */
export type ErrorCode = keyof typeof errorTable;

/** An expected failure. The message holds no personal data. */
export class OperatingError extends Error {
  override readonly name = 'OperatingError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail?: string, cause?: unknown) {
    const meaning: string = errorTable[code][1];
    super(detail === undefined ? meaning : `${meaning} ${detail}`, cause === undefined ? {} : { cause });
    this.code = code;
  }

  /** What the handler does about it. */
  get disposition(): Disposition {
    return errorTable[this.code][0];
  }
}

/** The code (`ENOENT`, an SQLSTATE, …) of something caught; empty when it has none. */
export const codeOf = (caught: unknown): string =>
  caught instanceof Error && 'code' in caught && typeof caught.code === 'string' ? caught.code : '';

/** Disposition of anything caught; never throws. What is not an `OperatingError` is a defect: `halt`. */
export function dispositionOf(caught: unknown): Disposition {
  return caught instanceof OperatingError ? caught.disposition : 'halt';
}
