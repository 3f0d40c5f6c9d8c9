/** What a tenant may set of its instances' care. Durations in milliseconds. */

/** In force for all instances of the tenant. */
export interface InstanceSettings {
  /** Between two checks of an instance. */
  readonly checkEveryMs: number;
  /** Between two checks while a code waits to be scanned: codes are valid for 20 s. */
  readonly scanEveryMs: number;
  /** Failed checks in a row after which an instance is down. */
  readonly missedMax: number;
  /** Sends go out for this long and nothing comes in: connected, but deaf. 0: never. */
  readonly deafAfterMs: number;
  /** Whether a failed instance is restarted without being asked. */
  readonly autoRecover: boolean;
  /** Before the first restart; doubles with each further one of the window, up to `backoffMsMax`. */
  readonly backoffMs: number;
  readonly backoffMsMax: number;
  /** A restarted instance that does not work after this has failed again. */
  readonly recoverWithinMs: number;
  /** Restarts in a window after which nobody but a person restarts it. */
  readonly recoveriesMax: number;
  readonly recoveriesWithinMs: number;
  /** A restriction of which the provider does not say how long it lasts. */
  readonly restrictedMs: number;
  /** What is on its way through the old instance at a switch has this long to end. */
  readonly drainWithinMs: number;
  /** After a switch the old instance stands ready for this long. */
  readonly trialMs: number;
  /** Feature flags that are on. */
  readonly flags: readonly string[];
}

/** In force where a tenant sets nothing else. */
export const instanceSettingsDefaults: InstanceSettings = {
  checkEveryMs: 30_000,
  scanEveryMs: 5_000,
  missedMax: 3,
  deafAfterMs: 600_000,
  autoRecover: true,
  backoffMs: 2_000,
  backoffMsMax: 300_000,
  recoverWithinMs: 60_000,
  recoveriesMax: 5,
  recoveriesWithinMs: 3_600_000,
  restrictedMs: 21_600_000,
  drainWithinMs: 60_000,
  trialMs: 300_000,
  flags: [],
};

/** Least and most of each number. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  checkEveryMs: [1_000, 3_600_000],
  scanEveryMs: [1_000, 60_000],
  missedMax: [1, 100],
  deafAfterMs: [0, 86_400_000],
  backoffMs: [100, 3_600_000],
  backoffMsMax: [100, 86_400_000],
  recoverWithinMs: [1_000, 3_600_000],
  recoveriesMax: [0, 100],
  recoveriesWithinMs: [1_000, 604_800_000],
  restrictedMs: [60_000, 604_800_000],
  drainWithinMs: [0, 3_600_000],
  trialMs: [0, 86_400_000],
};

/** A feature flag's name. */
export const flagName = /^[a-z0-9][a-z0-9-]{0,63}$/;
const flagsMax = 100;

const areFlags = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length <= flagsMax &&
  value.every((flag) => typeof flag === 'string' && flagName.test(flag));

function problemOf(name: string, value: unknown): string | undefined {
  const shown = name.slice(0, 40);
  if (name === 'autoRecover') return typeof value === 'boolean' ? undefined : `${shown} has to be true or false`;
  if (name === 'flags') return areFlags(value) ? undefined : `${shown} has to be a list of names`;
  const range = Object.hasOwn(ranges, name) ? ranges[name] : undefined;
  if (range === undefined) return `${shown} is not a setting`;
  const [least, most] = range;
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
  return fits ? undefined : `${shown} has to be a whole number from ${least.toString()} to ${most.toString()}`;
}

/** What is wrong with settings, by name and never by value; none if they can be put in force. */
export const instanceSettingsProblems = (settings: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(settings).flatMap(([name, value]) => problemOf(name, value) ?? []);

/** Settings that work, whatever was stored: what is wrong is as if it had not been set. */
export function soundSettings(stored: unknown): InstanceSettings {
  const given = Object.entries((stored ?? {}) as Readonly<Record<string, unknown>>);
  const sound = given.filter(([name, value]) => problemOf(name, value) === undefined);
  return { ...instanceSettingsDefaults, ...Object.fromEntries(sound) };
}
