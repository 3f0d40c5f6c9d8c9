/** How large a file may be, how long its fetch may take, and how long it is worth trying. */
import type { MediaKind } from '#runtime/blobs/file-type.ts';

const mebibyte = 1_024 * 1_024;

/**
 * Bytes. At least what the Cloud API delivers (image 5 MB, audio and video 16 MB, document 100 MB, sticker 500 KB: Meta,
 * "Media"), and more where the apps send more: photos in full quality, and video, of which they take 100 MB and over.
 */
export const bytesMax: Readonly<Record<MediaKind, number>> = {
  image: 16 * mebibyte,
  sticker: 2 * mebibyte,
  audio: 32 * mebibyte,
  video: 100 * mebibyte,
  document: 100 * mebibyte,
};

/** A fetch, and the longest silence in it. Milliseconds. */
export const times = { totalMs: 90_000, idleMs: 15_000 } as const;

/** A claimed fetch whose process died comes back after this: longer than a fetch with what is around it. Milliseconds. */
export const leaseMs = 120_000;

const minute = 60_000;
const hour = 60 * minute;

/** Before the second, third, … attempt, then the last one again. Milliseconds. */
const retryDelaysMs: readonly number[] = [1_000, 5_000, 20_000, minute, 5 * minute, 30 * minute, 2 * hour];

/** The wait after so many attempts. */
export const retryDelay = (attempts: number): number =>
  retryDelaysMs[Math.min(Math.max(attempts, 1), retryDelaysMs.length) - 1] ?? hour;

/**
 * How long after the message its pointer may still lead somewhere, by provider. WAHA keeps files for minutes unless it is
 * told otherwise (`WHATSAPP_FILES_LIFETIME`, 180 s; 0 is for ever), but may be down for longer; ids of the Cloud API are
 * good for 7 days; Evolution asks WhatsApp again, which keeps media for weeks.
 */
const lifeMs: Readonly<Record<string, number>> = { waha: 6 * hour, cloud: 7 * 24 * hour, evolution: 7 * 24 * hour };
const lifeMsDefault = hour;

/** The same, for any provider. Milliseconds. */
export const pointerLife = (provider: string): number => lifeMs[provider] ?? lifeMsDefault;
