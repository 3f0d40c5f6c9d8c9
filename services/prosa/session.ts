/** What a command is given: where it says things, the API, and word of an interrupt. */
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { type ClientConfig, readClientConfig } from '#runtime/config.ts';
import { demoApiKey } from '#runtime/tenants/demo-tenant.ts';
import { openKeyFile } from '#runtime/vault/key-file.ts';

import { type Api, openApi } from './api.ts';
import type { CommonValues } from './command.ts';
import { usageError } from './exit-codes.ts';
import type { Output } from './output.ts';

/** Where `npm start` runs, and finds its data. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Settings to read; the process's own when undefined. */
export type Environment = Readonly<Record<string, string | undefined>> | undefined;

/** Given to `run`. */
export interface Session {
  readonly out: Output;
  readonly environment: Environment;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** The API with the key that is configured. Throws a usage error when address or key cannot be had. */
  readonly api: () => Api;
  /** Rejects when interrupted. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Opens it. */
export function openSession(
  { out, environment, signal }: Pick<Session, 'out' | 'environment' | 'signal'>,
  options: Pick<CommonValues, 'url' | 'api-key-file'>,
): Session {
  let api: Api | undefined;
  const open = (): Api => {
    const config = readClientConfig(environment);
    const url = addressOf(options.url ?? config.url);
    const apiKey = keyFrom(options['api-key-file']) ?? config.apiKey ?? demoKeyFor(url, config);
    if (url.protocol === 'http:' && apiKey !== undefined && !isLoopback(url)) {
      out.note(`Note: ${url.origin} is not encrypted; the key can be read on the way.`);
    }
    return openApi({ url: url.href.replace(/\/$/, ''), apiKey, signal });
  };
  return {
    out,
    environment,
    signal,
    api: () => (api ??= open()),
    pause: (ms) => sleep(ms, undefined, { signal }),
  };
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  )
    throw usageError('The address is not one such as http://127.0.0.1:3000.', 'Check --url or PROSA_URL.');
  return url;
}

const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

const keyFileBytesMax = 4_096;

function keyFrom(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    const isFile = path !== '-' && statSync(path).isFile();
    if (path !== '-' && (!isFile || statSync(path).size > keyFileBytesMax)) throw new Error('not a key file');
    return readFileSync(path === '-' ? 0 : path, 'utf8').trim();
  } catch {
    throw usageError('--api-key-file must name a small file that can be read.');
  }
}

/** On this machine the demo tenant's key is at hand for whoever may read the key file. */
function demoKeyFor(url: URL, { dataDir, keyFile }: ClientConfig): string | undefined {
  if (!isLoopback(url)) return undefined;
  try {
    return demoApiKey(openKeyFile(keyFile ?? join(resolve(root, dataDir), 'tenant-keys.json'))).key;
  } catch {
    return undefined;
  }
}
