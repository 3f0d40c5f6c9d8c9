/**
 * What an instance asks of the outside world: the inputs and outputs of its effects, by source. The
 * handlers are in `services/effects/instances/`.
 */
import { fromPromise } from 'xstate';
import type { InstanceStatus } from '#machines/machine.ts';
import type { RouteWish, SealedReport } from '#schemas/content.ts';

/** What was seen of an instance at its provider. */
export interface Sighting {
  readonly status: InstanceStatus;
  readonly qr?: SealedReport['qr'];
  readonly restriction?: SealedReport['restriction'];
}

/** A sighting of a check. */
export interface Check extends Sighting {
  /** Since when sends go out and nothing comes in, epoch milliseconds; null when something did, or nothing was sent. */
  readonly silentSince: number | null;
}

/** Whether chats may be served by an instance: all, the warm ones only, or none. */
export type Availability = 'available' | 'restricted' | 'down';

/** How a line's route is to be changed. */
export interface RouteChange extends RouteWish {
  /** `trial`: moved, and the old instance stands ready. `settle`: it no longer does. `return`: it is as it was. */
  readonly step: 'trial' | 'settle' | 'return' | 'split';
}

/** Input and output of every effect. `instance` is the asking one. */
export interface Asks {
  readonly 'instance.connect': readonly [{ readonly instance: string; readonly phoneNumber: string | null }, Sighting];
  readonly 'instance.restart': readonly [{ readonly instance: string }, Sighting];
  readonly 'instance.logout': readonly [{ readonly instance: string }, Sighting];
  /** Gone at the provider as far as it goes, gone here for sure. */
  readonly 'instance.remove': readonly [{ readonly instance: string }, { readonly atProvider: boolean }];
  readonly 'instance.check': readonly [{ readonly instance: string; readonly status: string }, Check];
  /** `at` orders announcements: an older one changes nothing. */
  readonly 'instance.announce': readonly [
    { readonly instance: string; readonly availability: Availability; readonly at: number },
    /** Who sends for the line now, where that changed; how many waiting messages went there. */
    { readonly servedBy: string | null; readonly moved: number },
  ];
  /** Hands in what came while the instance was away. `from`: epoch milliseconds. */
  readonly 'instance.repair': readonly [
    { readonly instance: string; readonly from: number; readonly to: number },
    { readonly found: number; readonly recovered: number; readonly complete: boolean },
  ];
  readonly 'line.verify': readonly [
    { readonly instance: string; readonly wish: RouteWish; readonly mode: 'switch' | 'split' },
    { readonly line: string },
  ];
  readonly 'line.route': readonly [
    { readonly instance: string; readonly change: RouteChange; readonly at: number },
    { readonly moved: number },
  ];
  /** Waits until nothing is on its way through the instance, or the time is over. */
  readonly 'line.drain': readonly [{ readonly instance: string; readonly withinMs: number }, { readonly left: number }];
}

/** A name of an effect. */
export type AskSource = keyof Asks;

const stub = <Source extends AskSource>() =>
  fromPromise<Asks[Source][1], Asks[Source][0]>(() => Promise.reject(new Error('effects run elsewhere')));

/** For `setup`: the host turns each invoke into a record. */
export const asks = {
  'instance.connect': stub<'instance.connect'>(),
  'instance.restart': stub<'instance.restart'>(),
  'instance.logout': stub<'instance.logout'>(),
  'instance.remove': stub<'instance.remove'>(),
  'instance.check': stub<'instance.check'>(),
  'instance.announce': stub<'instance.announce'>(),
  'instance.repair': stub<'instance.repair'>(),
  'line.verify': stub<'line.verify'>(),
  'line.route': stub<'line.route'>(),
  'line.drain': stub<'line.drain'>(),
};
