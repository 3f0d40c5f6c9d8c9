/** Files of our store as they are sent: whole, in memory. */
import type { Files } from '#runtime/blobs/files.ts';
import { OperatingError } from '#runtime/errors.ts';

/** No larger file is read; the API accepts none. Bytes. */
export const outgoingFileBytesMax = 16 * 1_024 * 1_024;

/** The bytes of a file; undefined when it is gone, damaged or too large. Throws `files.unavailable` for whatever is away. */
export type FileReader = (tenant: string, id: string) => Promise<Buffer | undefined>;

/** Makes the reader. What takes longer than `withinMs` is away: the call that waits for it has a lease to keep. */
export const fileReader =
  (files: Pick<Files, 'read'>, withinMs: number): FileReader =>
  async (tenant, id) => {
    const slow = Promise.withResolvers<never>();
    const timer = setTimeout(() => slow.reject(new OperatingError('files.unavailable')), withinMs);
    const reading = read(files, tenant, id);
    try {
      return await Promise.race([reading, slow.promise]);
    } catch (caught) {
      if (!(caught instanceof OperatingError)) throw caught;
      if (caught.disposition === 'park') return undefined;
      throw new OperatingError('files.unavailable', undefined, caught);
    } finally {
      clearTimeout(timer);
      // What was too slow may fail unheard.
      reading.catch(() => undefined);
    }
  };

async function read(files: Pick<Files, 'read'>, tenant: string, id: string): Promise<Buffer | undefined> {
  const file = await files.read(tenant, id);
  if (file?.state !== 'open') return undefined;
  if (file.bytes > outgoingFileBytesMax) {
    file.content.destroy();
    return undefined;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of file.content as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
