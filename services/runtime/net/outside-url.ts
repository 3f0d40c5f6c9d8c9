/** Whether a URL may be called at all, before any name is resolved. */
import { isIP } from 'node:net';

import { OutsideError, type OutsideRules } from './outside.ts';
import { isPublicAddress } from './public-addresses.ts';

/** Where web servers listen; anything else would make us somebody's port scanner. */
export const webPorts: readonly number[] = [80, 443, 8080, 8443];

const urlLengthMax = 4_096;

/** A URL that passed, and whether our own configuration vouches for it. */
export interface CheckedUrl {
  readonly url: URL;
  readonly trusted: boolean;
}

/** Checks a URL (relative to `base`, for redirects). Throws `OutsideError`. */
export function checkUrl(text: string, rules: OutsideRules, ports: readonly number[], base?: URL): CheckedUrl {
  // The parser undoes every spelling of an address: octal, hexadecimal, decimal, short, full-width, mapped.
  const url = text.length > urlLengthMax ? null : URL.parse(text, base?.href);
  if (url === null) throw new OutsideError('url.malformed');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new OutsideError('url.scheme-refused');
  if (url.username !== '' || url.password !== '') throw new OutsideError('url.credentials-refused');
  if (rules.trusted?.includes(url.origin) === true) return { url, trusted: true };

  const host = hostOf(url);
  const { hosts } = rules;
  if (hosts !== undefined && !hosts.some((allowed) => host === allowed || host.endsWith(`.${allowed}`)))
    throw new OutsideError('host.not-allowed');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new OutsideError('address.not-public');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  if (!ports.includes(port)) throw new OutsideError('url.port-refused');
  return { url, trusted: false };
}

/** Host name or address without brackets, without the dot that ends a full name. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
