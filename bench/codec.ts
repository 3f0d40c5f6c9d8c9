/**
 * How fast records are encoded and decoded: `node bench/codec.ts`. Numbers are in bench/README.md.
 */
import { decodeRecord, encodeRecord } from '#schemas/codec.ts';
import type { ProsaRecord } from '#schemas/records.ts';

const record: ProsaRecord = {
  type: 'message.received',
  tenant: 'demo',
  actor: 'c_01M7XVFZDMZX7FVBSQETJPDS1B',
  eventId: '01M7XVFZDM1F7C41GSWKE7FGTQ',
  causationId: null,
  occurredAt: 1_767_225_600_000,
  providerAt: 1_767_225_599_000,
  revision: 'r_0MW2WXTN30V0XH7GDW7XQ34XR4',
  instance: 'i_01M7XVFYKWY1GBQCCDYXGN5KAY',
  kind: 'text',
  group: false,
  sealed: Buffer.alloc(400, 7),
};

const rounds = 5;
const perRound = 200_000;

/** Best of some rounds: the others measure what else the machine did. */
function perSecond(work: () => unknown): number {
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    const since = process.hrtime.bigint();
    for (let i = 0; i < perRound; i++) work();
    best = Math.max(best, perRound / (Number(process.hrtime.bigint() - since) / 1e9));
  }
  return Math.round(best);
}

const value = encodeRecord(record);
const json = JSON.stringify({ ...record, sealed: Buffer.alloc(400, 7).toString('base64') });
const results = {
  recordBytes: value.length,
  jsonBytes: json.length,
  encodePerSecond: perSecond(() => encodeRecord(record)),
  decodePerSecond: perSecond(() => decodeRecord(value)),
  jsonStringifyPerSecond: perSecond(() => JSON.stringify(record)),
  jsonParsePerSecond: perSecond(() => JSON.parse(json) as unknown),
};
process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
