/** How fast records are encoded and decoded, beside JSON. */
import { decodeRecord, encodeRecord } from '#schemas/codec.ts';
import type { ProsaRecord } from '#schemas/records.ts';

import { type Outcome, measure } from './result.ts';
import type { Stage } from './stage.ts';

const sealed = Buffer.alloc(400, 7);

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
  sealed,
};

const rounds = 5;

/** Best of some rounds: the others measure what else the machine did. */
function perSecond(perRound: number, work: () => unknown): number {
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    const since = process.hrtime.bigint();
    for (let i = 0; i < perRound; i++) work();
    best = Math.max(best, perRound / (Number(process.hrtime.bigint() - since) / 1e9));
  }
  return best;
}

/** Runs it. */
export async function benchCodec(stage: Stage): Promise<Outcome> {
  const perRound = stage.size(200_000, 20_000);
  const value = encodeRecord(record);
  const plain = { ...record, sealed: sealed.toString('base64') };
  const json = JSON.stringify(plain);
  return {
    measures: [
      measure(
        'Avro: encode',
        perSecond(perRound, () => encodeRecord(record)),
        'per s',
      ),
      measure(
        'Avro: decode',
        perSecond(perRound, () => decodeRecord(value)),
        'per s',
      ),
      measure(
        'JSON: stringify',
        perSecond(perRound, () => JSON.stringify(plain)),
        'per s',
      ),
      measure(
        'JSON: parse',
        perSecond(perRound, () => JSON.parse(json) as unknown),
        'per s',
      ),
      measure('Avro: one record', value.length, 'bytes'),
      measure('JSON: the same record', json.length, 'bytes'),
    ],
    notes: [`one received message with ${sealed.length} sealed bytes (in JSON as base64); best of ${rounds} rounds`],
  };
}
