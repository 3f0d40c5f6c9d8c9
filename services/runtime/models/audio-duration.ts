/**
 * How long sound is, read from its container without decoding it.
 *
 * Sources: Ogg (RFC 3533: pages, granule positions), Opus in Ogg (RFC 7845: 48 kHz, pre-skip), Vorbis I 4.2.2,
 * ISO 14496-12 8.2.2 (`mvhd`), RIFF WAVE.
 */

const opusHz = 48_000;
/** No granule position: no packet ends on this page. */
const noGranule = 0xffff_ffff_ffff_ffffn;
/** Where nothing says it: 64 kbit/s, as phones record. */
const bytesPerSecondGuessed = 8_000;

/** Seconds; guessed from the size where the container does not say it. */
export function secondsOf(content: Buffer, mimetype: string): number {
  const seconds =
    mimetype === 'audio/ogg'
      ? oggSeconds(content)
      : mimetype === 'audio/mp4'
        ? mp4Seconds(content)
        : mimetype === 'audio/wav'
          ? wavSeconds(content)
          : undefined;
  return seconds ?? content.length / bytesPerSecondGuessed;
}

/** The last granule position, of each stream that follows another, in its sampling rate. */
function oggSeconds(content: Buffer): number | undefined {
  let seconds: number | undefined;
  let [rate, skipped, last] = [0, 0, 0n];
  const endStream = (): void => {
    if (rate > 0) seconds = (seconds ?? 0) + Math.max(0, Number(last) - skipped) / rate;
    [rate, skipped, last] = [0, 0, 0n];
  };
  for (let at = content.indexOf('OggS'); at >= 0 && at + 27 <= content.length;) {
    const segments = content[at + 26] ?? 0;
    const body = at + 27 + segments;
    if (body > content.length) break;
    if (((content[at + 5] ?? 0) & 2) !== 0) {
      endStream();
      [rate, skipped] = streamOf(content.subarray(body, body + 40));
    }
    const granule = content.readBigUInt64LE(at + 6);
    if (granule !== noGranule && granule > last) last = granule;
    const length = content.subarray(at + 27, body).reduce((sum, lacing) => sum + lacing, 0);
    at = content.indexOf('OggS', body + length);
  }
  endStream();
  return seconds;
}

/** Sampling rate, and samples at the start that are not heard; a rate of 0 for what is neither Opus nor Vorbis. */
function streamOf(head: Buffer): readonly [number, number] {
  if (head.length >= 19 && head.toString('latin1', 0, 8) === 'OpusHead') return [opusHz, head.readUInt16LE(10)];
  if (head.length >= 16 && head.toString('latin1', 0, 7) === '\x01vorbis') return [head.readUInt32LE(12), 0];
  return [0, 0];
}

function mp4Seconds(content: Buffer): number | undefined {
  const at = content.indexOf('mvhd');
  if (at < 0 || at + 36 > content.length) return undefined;
  const isLong = content[at + 4] === 1;
  const scale = content.readUInt32BE(at + (isLong ? 24 : 16));
  const length = isLong ? Number(content.readBigUInt64BE(at + 28)) : content.readUInt32BE(at + 20);
  return scale === 0 || length === 0 ? undefined : length / scale;
}

function wavSeconds(content: Buffer): number | undefined {
  const rate = content.length >= 44 ? content.readUInt32LE(28) : 0;
  return rate === 0 ? undefined : (content.length - 44) / rate;
}
