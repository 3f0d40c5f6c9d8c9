/**
 * Objects in a bucket that speaks S3 (AWS, MinIO, Ceph, Garage, R2, …), addressed by path.
 *
 * Owns: a pool of connections to the configured endpoint. An object of one part is one request; a larger one is a
 * multipart upload, which appears whole when it is completed. No more than a part is in memory per upload. Uploads
 * that broke off with the process are the bucket's to end: give it a lifecycle rule for incomplete ones.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { Pool } from 'undici';

import type { S3Config } from '../../config.ts';
import { OperatingError } from '../../errors.ts';
import type { Chunks } from '../../vault/frames.ts';
import { awsEncoded, signed } from '../aws-signature.ts';
import type { ObjectStore } from '../object-store.ts';

/** S3 takes parts from 5 MiB on, 10 000 of them. */
const partBytesDefault = 8 * 1_024 * 1_024;
const connectionsMax = 20;
const timeouts = { connectMs: 5_000, silenceMs: 30_000 } as const;
/** Before the second, third, … attempt. */
const retryDelaysMs = [200, 1_000] as const;
const answerBytesMax = 65_536;

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** Opens the store; connects at the first request. */
export function openS3Store(
  config: S3Config,
  { now = Date.now, partBytes = partBytesDefault }: { readonly now?: () => number; readonly partBytes?: number } = {},
): ObjectStore {
  const endpoint = new URL(config.endpoint);
  const pool = new Pool(endpoint.origin, {
    connections: connectionsMax,
    connect: { timeout: timeouts.connectMs },
    headersTimeout: timeouts.silenceMs,
    bodyTimeout: timeouts.silenceMs,
  });
  const base = endpoint.pathname.replace(/\/$/, '');
  const urlOf = (name: string, query: Readonly<Record<string, string>> = {}): URL => {
    const path = [config.bucket, ...`${config.prefix}${name}`.split('/')].map(awsEncoded).join('/');
    const url = new URL(`${endpoint.origin}${base}/${path}`);
    url.search = Object.entries(query)
      .map(([key, value]) => `${awsEncoded(key)}=${awsEncoded(value)}`)
      .join('&');
    return url;
  };

  const once = async (method: Method, url: URL, body: Buffer) => {
    try {
      return await pool.request({
        method,
        path: `${url.pathname}${url.search}`,
        headers: signed({ method, url, headers: {}, body }, config, now()),
        ...(method === 'GET' || method === 'DELETE' ? {} : { body }),
      });
    } catch (caught) {
      throw new OperatingError('files.unavailable', undefined, caught);
    }
  };

  /** Every request here may be made twice. Resolves with the answer, or undefined for 404. */
  const request = async (method: Method, url: URL, body: Buffer = Buffer.alloc(0)) => {
    for (let attempt = 0; ; attempt += 1) {
      const delayMs = retryDelaysMs[attempt];
      const answer = await once(method, url, body).catch((caught: unknown) => {
        if (delayMs === undefined) throw caught;
        return undefined;
      });
      if (answer !== undefined) {
        const { statusCode: status } = answer;
        if (status >= 200 && status < 300) return answer;
        await answer.body.dump({ limit: answerBytesMax }).catch(() => undefined);
        if (status === 404) return undefined;
        const mayPass = status === 429 || status >= 500;
        // Its own words can name keys and buckets; the status says enough.
        if (!mayPass || delayMs === undefined)
          throw new OperatingError('files.unavailable', `The bucket answers ${status}.`);
      }
      await delay(delayMs);
    }
  };

  const textOf = async (method: Method, url: URL, body?: Buffer): Promise<string> => {
    const answer = await request(method, url, body);
    if (answer === undefined) throw new OperatingError('files.unavailable', 'The bucket or the upload does not exist.');
    return answer.body.text().catch((caught: unknown) => {
      throw new OperatingError('files.unavailable', undefined, caught);
    });
  };

  const beginUpload = async (name: string): Promise<string> => {
    const id = /<UploadId>([^<]+)<\/UploadId>/.exec(await textOf('POST', urlOf(name, { uploads: '' })))?.[1];
    if (id === undefined) throw new OperatingError('files.unavailable', 'The bucket began no upload.');
    return id;
  };

  const putPart = async (name: string, uploadId: string, partNumber: number, body: Buffer): Promise<string> => {
    const answer = await request('PUT', urlOf(name, { partNumber: String(partNumber), uploadId }), body);
    await answer?.body.dump();
    const tag = answer?.headers['etag'];
    if (typeof tag !== 'string') throw new OperatingError('files.unavailable', 'The bucket did not take a part.');
    return tag;
  };

  const complete = async (name: string, uploadId: string, tags: readonly string[]): Promise<void> => {
    const parts = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
    // This one may fail with 200: the answer begins before the work is done.
    if ((await textOf('POST', urlOf(name, { uploadId }), body)).includes('<Error>'))
      throw new OperatingError('files.unavailable', 'The bucket did not complete an upload.');
  };

  return {
    async write(name, bytes) {
      let uploadId: string | undefined;
      const tags: string[] = [];
      try {
        for await (const { part, last } of partsOf(bytes, partBytes)) {
          if (last && uploadId === undefined) {
            const answer = await request('PUT', urlOf(name), part);
            if (answer === undefined) throw new OperatingError('files.unavailable', 'The bucket does not exist.');
            await answer.body.dump();
            return;
          }
          uploadId ??= await beginUpload(name);
          tags.push(await putPart(name, uploadId, tags.length + 1, part));
        }
        if (uploadId !== undefined) await complete(name, uploadId, tags);
      } catch (caught) {
        if (uploadId !== undefined) await request('DELETE', urlOf(name, { uploadId })).catch(() => undefined);
        throw caught;
      }
    },

    async read(name) {
      return (await request('GET', urlOf(name)))?.body;
    },

    async remove(name) {
      await (await request('DELETE', urlOf(name)))?.body.dump();
    },

    close: () => pool.destroy(),
  };
}

/** Bytes in parts of one size, the last one shorter. At least one. */
async function* partsOf(
  bytes: Chunks,
  size: number,
): AsyncGenerator<{ readonly part: Buffer; readonly last: boolean }> {
  let pending: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    pending.push(chunk);
    length += chunk.length;
    if (length <= size) continue;
    const joined = Buffer.concat(pending);
    yield { part: joined.subarray(0, size), last: false };
    pending = [joined.subarray(size)];
    length = joined.length - size;
  }
  yield { part: Buffer.concat(pending), last: true };
}
