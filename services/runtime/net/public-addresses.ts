/**
 * Which addresses are of the public internet. Takes addresses as the operating system writes them; spellings
 * of them in URLs are the URL parser's to undo.
 *
 * Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and later), IPv6 Address Space.
 */
import { BlockList, isIP } from 'node:net';

/** Not of the public internet, or an alias of something that is not. */
const refusedIpv4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8], // this host; many systems connect it to themselves
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT, where one cloud has its metadata (100.100.100.200)
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // public by its number, but the host agent of one cloud
  ['169.254.0.0', 16], // link-local, with the metadata of most clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // IETF protocol assignments, also a metadata address (192.0.0.192)
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];

/** Of IPv6, global unicast alone is public: loopback, mapped, NAT64, unique local, link-local, multicast are outside of it. */
const globalUnicast = ['2000::', 3] as const;

/** And of that, not these. */
const refusedIpv6: readonly (readonly [network: string, bits: number])[] = [
  ['2001::', 23], // IETF protocol assignments: Teredo, benchmarks, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: any IPv4 address inside
  ['3fff::', 20], // documentation
];

const refused = new BlockList();
for (const [network, bits] of refusedIpv4) refused.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of refusedIpv6) refused.addSubnet(network, bits, 'ipv6');
const global = new BlockList();
global.addSubnet(...globalUnicast, 'ipv6');

/** True when `address` (no brackets, no zone) is an address that anybody on the internet has. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !refused.check(address, 'ipv4');
    case 6:
      return global.check(address, 'ipv6') && !refused.check(address, 'ipv6');
    default:
      return false;
  }
}
