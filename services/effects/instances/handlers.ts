/** The handlers of what instances ask for (`machines/instance/asks.ts`). */
import { setTimeout as sleep } from 'node:timers/promises';

import type { AskSource, Asks, RouteChange } from '#machines/instance/asks.ts';
import type { Instance, Provider } from '#runtime/instances/instances.ts';
import { type LineRoute, type Routing, chosenOf, flagIsOn } from '#runtime/instances/routing.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { RouteWish } from '#schemas/content.ts';

import type { PostWebhook } from '../adapters/ingest-webhooks.ts';
import { type EffectCall, EffectFailure, type EffectHandler } from '../handler.ts';
import type { AccountProvider } from '../ports/accounts.ts';
import type { Lines, WantedRoute } from './lines.ts';
import { repair } from './repair.ts';

/** What the handlers work with. */
export interface InstanceHandlerParts {
  readonly runtime: Pick<Runtime, 'instances' | 'tenants'>;
  readonly lines: Lines;
  readonly routing: Routing;
  readonly accounts: Readonly<Record<Provider, AccountProvider>>;
  readonly post: PostWebhook;
}

/** A call and a repeat cannot be told apart by the provider, so that all of these are harmless to repeat. */
const bounds = {
  /** Calls to a provider that a person waits for, or that bring an account back. */
  act: { timeoutMs: 45_000, retryDelaysMs: [0, 2_000, 5_000], concurrency: 16, repeatable: true },
  /** The machine counts those that fail. */
  look: { timeoutMs: 20_000, retryDelaysMs: [0], concurrency: 32, repeatable: true },
  /** Postgres alone. */
  write: { timeoutMs: 30_000, retryDelaysMs: [0, 1_000, 5_000, 30_000], concurrency: 16, repeatable: true },
  drain: { timeoutMs: 3_700_000, retryDelaysMs: [0, 1_000], concurrency: 64, repeatable: true },
  repair: { timeoutMs: 600_000, retryDelaysMs: [0, 10_000, 60_000], concurrency: 4, repeatable: true },
} as const;

const drainPollMs = 250;

type Run<Source extends AskSource> = (input: Asks[Source][0], call: EffectCall) => Promise<Asks[Source][1]>;

/** Makes the handlers, by source. */
export function instanceHandlers(parts: InstanceHandlerParts): ReadonlyMap<string, EffectHandler> {
  const { runtime, lines, accounts } = parts;

  const find = async (tenant: string, id: string): Promise<[Instance, AccountProvider]> => {
    const instance = await runtime.instances.read(tenant, id);
    if (instance === undefined) throw new EffectFailure('instance.unknown');
    return [instance, accounts[instance.provider]];
  };

  const runs: { readonly [Source in AskSource]: Run<Source> } = {
    async 'instance.connect'({ instance: id, phoneNumber }, { tenant, signal }) {
      const [instance, account] = await find(tenant, id);
      return account.connect(instance, phoneNumber, signal);
    },
    async 'instance.restart'({ instance: id }, { tenant, signal }) {
      const [instance, account] = await find(tenant, id);
      return account.restart(instance, signal);
    },
    async 'instance.logout'({ instance: id }, { tenant, signal }) {
      const [instance, account] = await find(tenant, id);
      return account.logout(instance, signal);
    },
    async 'instance.remove'({ instance: id }, { tenant, signal }) {
      const atProvider = await removedAtProvider(find, tenant, id, signal);
      await lines.remove(tenant, id);
      return { atProvider };
    },
    async 'instance.check'({ instance: id }, { tenant, signal }) {
      const [instance, account] = await find(tenant, id);
      const sighting = await account.look(instance, signal);
      return { ...sighting, silentSince: await lines.silentSince(tenant, id) };
    },
    'instance.announce': (input, { tenant }) => announce(parts, tenant, input),
    async 'instance.repair'({ instance: id, from, to }, { tenant, signal }) {
      const [instance, account] = await find(tenant, id);
      return repair(account, parts.post, instance, { from, to }, signal);
    },
    async 'line.verify'({ instance: id, wish }, { tenant, signal }) {
      const [owner] = await find(tenant, id);
      await requireServed(parts, owner, wish);
      const [target, account] = await find(tenant, wish.to).catch(asTarget);
      for (const fallback of wish.fallbacks) await find(tenant, fallback).catch(asTarget);
      const { status } = await account.look(target, signal);
      if (status !== 'working') throw new EffectFailure('line.target-not-working', { retry: true });
      return { line: owner.line };
    },
    'line.route': ({ instance, change, at }, { tenant }) => setRoute(parts, tenant, instance, change, at),
    async 'line.drain'({ instance, withinMs }, { tenant, signal }) {
      const until = performance.now() + withinMs;
      for (;;) {
        const left = await lines.inFlight(tenant, instance);
        if (left === 0 || performance.now() >= until) return { left };
        await sleep(drainPollMs, undefined, { signal });
      }
    },
  };

  const handler = <Source extends AskSource>(source: Source, bound: Omit<EffectHandler, 'run'>) =>
    [source, { ...bound, run: (call) => runs[source](call.input as Asks[Source][0], call) }] as readonly [
      string,
      EffectHandler,
    ];
  return new Map([
    handler('instance.connect', bounds.act),
    handler('instance.restart', bounds.act),
    handler('instance.logout', bounds.act),
    handler('instance.remove', bounds.act),
    handler('instance.check', bounds.look),
    handler('instance.announce', bounds.write),
    handler('instance.repair', bounds.repair),
    handler('line.verify', bounds.act),
    handler('line.route', bounds.write),
    handler('line.drain', bounds.drain),
  ]);
}

/** Who cannot be taken over to is named apart from who asks. */
function asTarget(caught: unknown): never {
  throw caught instanceof EffectFailure ? new EffectFailure('line.target-unknown') : caught;
}

/** What cannot be taken down at the provider is gone here nevertheless. */
async function removedAtProvider(
  find: (tenant: string, id: string) => Promise<[Instance, AccountProvider]>,
  tenant: string,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const [instance, account] = await find(tenant, id);
    return await account.remove(instance, signal);
  } catch (caught) {
    if (!(caught instanceof EffectFailure)) throw caught;
    return false;
  }
}

/** The line is to be the asker's to give away, or on its way to the target already. */
async function requireServed({ routing }: InstanceHandlerParts, owner: Instance, { to }: RouteWish): Promise<void> {
  const route = await routing.read(owner.tenant, owner.line);
  const serving = route?.instance ?? owner.id;
  if (to === owner.id || (serving !== owner.id && serving !== to)) throw new EffectFailure('line.not-served');
}

async function announce(
  parts: InstanceHandlerParts,
  tenant: string,
  { instance, availability, at }: Asks['instance.announce'][0],
): Promise<Asks['instance.announce'][1]> {
  const { lines, routing } = parts;
  const line = await lines.lineOf(tenant, instance);
  const before = line === undefined ? undefined : await routing.read(tenant, line);
  await lines.setAvailability(tenant, instance, availability, at);
  const after = line === undefined ? undefined : await routing.read(tenant, line);
  if (line === undefined || before === undefined || after === undefined) return { servedBy: null, moved: 0 };
  // Any chat of the part that is not split off; whoever never wrote is the first to be turned away.
  const one = { line, conversation: '', cold: true };
  const [was, is] = [before, after].map((route) => chosenOf({ ...route, split: null }, one, false));
  const moved = await moveAll(parts, tenant, line, after);
  return { servedBy: was === is || is === undefined ? null : is, moved };
}

/** Everything that waits at an instance of the line goes to whoever serves its chat now. */
async function moveAll(
  { runtime, lines }: InstanceHandlerParts,
  tenant: string,
  line: string,
  route: LineRoute,
): Promise<number> {
  const flagged = await flagIsOn(runtime.tenants, tenant, route.split?.flag ?? null);
  const named = new Set([route.instance, ...(route.split === null ? [] : [route.split.instance]), ...route.fallbacks]);
  let moved = 0;
  for (const from of named) moved += await lines.moveWaiting(tenant, from, line, route, flagged);
  return moved;
}

async function setRoute(
  parts: InstanceHandlerParts,
  tenant: string,
  owner: string,
  change: RouteChange,
  at: number,
): Promise<{ readonly moved: number }> {
  const { lines, routing } = parts;
  const line = await lines.lineOf(tenant, owner);
  if (line === undefined) throw new EffectFailure('instance.unknown');
  const route = routeOfChange(owner, change);
  await lines.join(tenant, line, [change.to, ...change.fallbacks]);
  await lines.setRoute(tenant, line, route, at);
  const now = await routing.read(tenant, line);
  if (now === undefined) return { moved: 0 };
  // The asker may not be named any more, and something may wait there still.
  const flagged = await flagIsOn(parts.runtime.tenants, tenant, now.split?.flag ?? null);
  const left = await lines.moveWaiting(tenant, owner, line, now, flagged);
  return { moved: left + (await moveAll(parts, tenant, line, now)) };
}

function routeOfChange(owner: string, { step, to, percent = 0, flag, fallbacks }: RouteChange): WantedRoute {
  const others = (...not: readonly string[]) => fallbacks.filter((id) => !not.includes(id));
  switch (step) {
    case 'trial':
      return { instance: to, split: null, fallbacks: [...others(to, owner), owner] };
    case 'settle':
      return { instance: to, split: null, fallbacks: others(to) };
    case 'return':
      return { instance: owner, split: null, fallbacks: others(owner) };
    case 'split': {
      const split = percent === 0 ? null : { instance: to, percent, flag: flag ?? null };
      return { instance: owner, split, fallbacks };
    }
  }
}
