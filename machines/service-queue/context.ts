/**
 * What a service queue remembers, and what follows from it. Plain JSON without personal data: conversations and
 * attendants by their ids. Bounded: by `waitingMax` and `capacity`, and in time by `forgetAfterMs`.
 */
import type { ActorInput, QueueEvent } from '#machines/machine.ts';
import { type ServiceQueueSettings, serviceQueueSettingsDefaults } from './settings.ts';

/** A conversation that waits. Times are epoch milliseconds. */
export interface Waiting {
  readonly ticket: string;
  readonly conversation: string;
  readonly since: number;
  /** The position that it was last told. */
  readonly told: number;
}

/** A conversation that an attendant has. */
export interface Attended {
  readonly ticket: string;
  readonly conversation: string;
  readonly since: number;
  readonly attendant: string;
}

/** What the conversations' settings say of the queue. */
export interface QueueTerms {
  readonly capacity: number;
  readonly waitingMax: number;
  readonly minutesEach: number;
}

/** What a queue remembers. */
export interface ServiceQueueContext {
  readonly settings: ServiceQueueSettings;
  /** Its name; null before the first conversation. */
  readonly queue: string | null;
  readonly terms: QueueTerms;
  /** How new the terms are. */
  readonly termsAt: number;
  /** In order of arrival. */
  readonly waiting: readonly Waiting[];
  readonly attended: readonly Attended[];
  /** How long the latest attendances took, milliseconds, oldest first. */
  readonly latestMs: readonly number[];
}

/** What an episode leaves to the next one. */
export interface ServiceQueueOutput {
  readonly latestMs: readonly number[];
}

/** Input of an episode. */
export type ServiceQueueInput = ActorInput<ServiceQueueSettings, ServiceQueueOutput>;

/** Attendances that the average is of. */
const latestMax = 10;
const minuteMs = 60_000;

/** The context at the start of an episode. XState calls it without input as well. */
export const contextOf = (input: ServiceQueueInput | undefined): ServiceQueueContext => ({
  settings: { ...serviceQueueSettingsDefaults, ...input?.settings },
  queue: null,
  terms: { capacity: 1, waitingMax: 1, minutesEach: 1 },
  termsAt: 0,
  waiting: [],
  attended: [],
  latestMs: input?.carried?.latestMs ?? [],
});

type Joined = QueueEvent & { readonly type: 'queue.joined' };

/** Takes up what the newest of the conversations' settings say. */
export function withTerms(context: ServiceQueueContext, event: Joined): ServiceQueueContext {
  const settingsAt = numberOf(event.settingsAt, 0);
  if (settingsAt < context.termsAt) return context;
  const terms = {
    capacity: numberOf(event.capacity, 1),
    waitingMax: numberOf(event.waitingMax, 1),
    minutesEach: numberOf(event.minutesEach, 1),
  };
  return { ...context, queue: event.queue, terms, termsAt: settingsAt };
}

/** A number that was told as a text. */
function numberOf(text: string, otherwise: number): number {
  const number = Number(text);
  return Number.isFinite(number) && number >= 0 ? number : otherwise;
}

/** How long one attendance takes, as the latest ones did; as the tenant says before there were any. */
function minutesEachOf({ latestMs, terms }: ServiceQueueContext): number {
  if (latestMs.length === 0) return terms.minutesEach;
  return latestMs.reduce((sum, ms) => sum + ms, 0) / latestMs.length / minuteMs;
}

/** About how many minutes the one at a position (from 1) waits; 0 when an attendant is free. */
export function waitMinutesOf(context: ServiceQueueContext, position: number): number {
  const { capacity } = context.terms;
  const free = Math.max(0, capacity - context.attended.length);
  return Math.ceil((Math.max(0, position - free) * minutesEachOf(context)) / Math.max(1, capacity));
}

/** Whether an attendant may have one more conversation. */
export const hasRoom = ({ attended, terms }: ServiceQueueContext): boolean => attended.length < terms.capacity;

const isNot =
  (ticket: string) =>
  (one: { readonly ticket: string }): boolean =>
    one.ticket !== ticket;

/** Without a ticket; how long its attendance took is kept. */
export function without(context: ServiceQueueContext, ticket: string, at: number): ServiceQueueContext {
  const ended = context.attended.find((one) => one.ticket === ticket);
  const latestMs =
    ended === undefined ? context.latestMs : [...context.latestMs, Math.max(0, at - ended.since)].slice(-latestMax);
  return {
    ...context,
    waiting: context.waiting.filter(isNot(ticket)),
    attended: context.attended.filter(isNot(ticket)),
    latestMs,
  };
}

/** Those of whom nothing was heard for too long. */
export function forgotten({ waiting, attended, settings }: ServiceQueueContext, at: number) {
  return [...waiting, ...attended].filter(({ since }) => at - since > settings.forgetAfterMs);
}

/** Nearer than this, everybody is told each step; further back, each hundredth position: a step of a long queue stays small. */
const toldEachStep = 50;
const toldFarBack = 100;

/** Those whose position has changed since they were told, by their positions from 1. */
export function moved({ waiting }: ServiceQueueContext): ReadonlyMap<number, Waiting> {
  const steps = waiting.map((one, index) => [index + 1, one] as const);
  return new Map(
    steps.filter(
      ([position, { told }]) =>
        position !== told && (position <= toldEachStep || position % toldFarBack === 0 || told === 0),
    ),
  );
}
