/**
 * What is done with accounts at providers: connecting, looking, restarting, taking down. One adapter per
 * provider. Every call may be made again: none makes two of anything.
 */
import type { Sighting } from '#machines/instance/asks.ts';
import type { Instance } from '#runtime/instances/instances.ts';

/** A webhook that the provider did not send, or that did not arrive: as it would have been. */
export interface MissedWebhook {
  /** Parsed; `recovered` is added by whoever hands it in. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The provider's clock, epoch milliseconds. */
  readonly at: number;
}

/** All methods throw `EffectFailure` and give up when their signal is aborted. */
export interface AccountProvider {
  /** Starts the session where it does not run; gives what links a phone where one is needed. */
  connect(instance: Instance, phoneNumber: string | null, signal: AbortSignal): Promise<Sighting>;
  /** How it is now, with what links a phone while one is waited for. Changes nothing. */
  look(instance: Instance, signal: AbortSignal): Promise<Sighting>;
  restart(instance: Instance, signal: AbortSignal): Promise<Sighting>;
  /** Unlinks the phone. */
  logout(instance: Instance, signal: AbortSignal): Promise<Sighting>;
  /** Takes the session away for good. False when the provider knows nothing to take away. */
  remove(instance: Instance, signal: AbortSignal): Promise<boolean>;
  /**
   * What people wrote in a time, by chat, oldest first; absent where the provider has no history. Of more
   * than is read at once it gives what it read, and then throws `provider.history-too-long`.
   */
  missed?(instance: Instance, from: number, to: number, signal: AbortSignal): AsyncIterable<MissedWebhook>;
  /** Headers by which a webhook of the instance proves where it comes from. */
  sign(instance: Instance, body: string): Readonly<Record<string, string>>;
  /** Gives connections back. Idempotent. */
  close(): Promise<void>;
}
