/**
 * What goes wrong, how often, and for how long. Whether a fault strikes depends on the seed and on what it
 * would strike (the third message of a person, the second send to a chat), never on when that happens.
 */
import { createHash } from 'node:crypto';

/** A fault's meaning, and its duration in milliseconds where it has one. */
interface FaultKind {
  readonly means: string;
  readonly ms?: number;
}

/** All that can go wrong. */
export const faultKinds = {
  duplicate: { means: 'a webhook comes twice' },
  reorder: { means: 'a webhook is overtaken by the next one of its chat, or comes late', ms: 1_000 },
  delay: { means: 'a webhook comes late', ms: 2_000 },
  drop: { means: 'a webhook never comes' },
  'lid-switch': { means: 'a person goes on under a hidden id (LID, BSUID); the events tell the number too' },
  'lid-only': { means: 'a message comes under the hidden id alone; the next ones tell the number too' },
  restricted: { means: 'a send to who never wrote is refused as restricted (463, 131048)' },
  disconnect: { means: 'the session stops working for a while', ms: 5_000 },
  slow: { means: 'a send is answered late', ms: 3_000 },
  ambiguous: { means: 'a send is taken and never answered; the connection is cut', ms: 15_000 },
  error: { means: 'a send is answered with a server error, half of them after it was taken' },
} as const satisfies Readonly<Record<string, FaultKind>>;

/** Name of a fault. */
export type FaultName = keyof typeof faultKinds;

/** How often a fault strikes, from 0 to 1, and for how long. */
export interface FaultRate {
  readonly rate: number;
  readonly ms: number;
}

/** What is set; a fault that is not named never strikes. */
export type FaultRates = Partial<Record<FaultName, FaultRate>>;

const msMax = 600_000;

const defaultMs = (name: FaultName): number => (faultKinds[name] as FaultKind).ms ?? 0;

const isFaultName = (name: string): name is FaultName => Object.hasOwn(faultKinds, name);

/** One fault as written: a rate, or `rate:milliseconds`. Throws `RangeError`, which says what is wrong. */
function rateOf(name: string, written: string): readonly [FaultName, FaultRate] {
  if (!isFaultName(name))
    throw new RangeError(`there is no fault ${name}; there are ${Object.keys(faultKinds).join(', ')}`);
  const [, rate = '', ms] = /^(\d*\.?\d+)(?::(\d+))?$/.exec(written) ?? [];
  const found = { rate: Number(rate), ms: ms === undefined ? defaultMs(name) : Number(ms) };
  if (rate === '' || found.rate > 1 || found.ms > msMax)
    throw new RangeError(`${name} is a rate from 0 to 1, or rate:milliseconds up to ${msMax}, not ${written}`);
  return [name, found];
}

/** Reads `duplicate=0.1,delay=0.2:2000`. Throws `RangeError`, which says what is wrong. */
export function parseFaults(text: string): FaultRates {
  const parts = text.split(',').flatMap((part) => part.trim() || []);
  return Object.fromEntries(
    parts.map((part) => {
      const [name = '', written = ''] = part.split('=');
      return rateOf(name, written);
    }),
  );
}

/** Reads `{"duplicate": 0.1, "delay": "0.2:2000"}`. Throws `RangeError`, which says what is wrong. */
export const readFaults = (given: Readonly<Record<string, unknown>>): FaultRates =>
  Object.fromEntries(Object.entries(given).map(([name, written]) => rateOf(name, String(written))));

/** A number in [0, 1) that is always the same for the same words. */
export const chanceOf = (...words: readonly (string | number)[]): number =>
  createHash('sha256').update(words.join('/')).digest().readUInt32BE(0) / 0x1_0000_0000;

/** The faults of a run, with how often each struck. */
export class Faults {
  readonly seed: number;
  readonly struck: Partial<Record<FaultName, number>> = {};
  rates: FaultRates;

  constructor(seed: number, rates: FaultRates) {
    this.seed = seed;
    this.rates = rates;
  }

  /** The fault's duration (milliseconds) when it strikes what `key` names, else undefined. Counted. */
  strikes(name: FaultName, key: string): number | undefined {
    const rate = this.rates[name];
    if (rate === undefined || this.chance(name, key) >= rate.rate) return undefined;
    this.struck[name] = (this.struck[name] ?? 0) + 1;
    return rate.ms;
  }

  /** A number in [0, 1) for a choice. */
  chance(choice: string, key: string): number {
    return chanceOf(this.seed, choice, key);
  }
}
