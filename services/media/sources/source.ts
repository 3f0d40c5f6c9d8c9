/** Where the file of a message is had from. One per provider. */
import type { MediaKind } from '#runtime/blobs/file-type.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import type { Chunks } from '#runtime/vault/frames.ts';
import type { MediaReference } from '#schemas/content.ts';

/** A file that is wanted. */
export interface WantedFile {
  readonly instance: Instance;
  readonly kind: MediaKind;
  readonly media: MediaReference;
  /** The provider's message id, whole. */
  readonly messageId: string;
  /** The event as received, parsed; undefined when it is not JSON, or gone. */
  readonly event: () => Promise<unknown>;
  readonly bytesMax: number;
}

/** A file that is being had. */
export interface FoundFile {
  /** To be read to its end, or returned. May throw `OutsideError`, `MediaFailure`. */
  readonly content: Chunks;
  /** Hash that the provider gave, base64 or hexadecimal. */
  readonly sha256?: string;
}

/** Why a file cannot be had (now). Codes are stable and hold nothing personal. */
export class MediaFailure extends Error {
  override readonly name = 'MediaFailure';
  readonly code: string;
  /** True when the same may work later. */
  readonly mayPass: boolean;

  constructor(code: string, mayPass: boolean) {
    super(code);
    this.code = code;
    this.mayPass = mayPass;
  }
}

/** Finds files of one provider. Throws `MediaFailure` and `OutsideError`. */
export type MediaSource = (wanted: WantedFile) => Promise<FoundFile>;

/** The failure that a status stands for; undefined for success. */
export function failureOf(status: number): MediaFailure | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 404 || status === 410) return new MediaFailure('file.gone', false);
  // Somebody may put the credentials right while the file is still there.
  if (status === 401 || status === 403) return new MediaFailure('provider.unauthorized', true);
  return status === 429 || status >= 500
    ? new MediaFailure('provider.unavailable', true)
    : new MediaFailure('provider.refused', false);
}
