/** The handler of `information.read`: what a tenant tells about its event, in one language. */
import { type WordedSection, wordedIn } from '#machines/conversation/agent-settings.ts';
import type { Asks, Section } from '#machines/conversation/asks.ts';
import { openOutside } from '#runtime/net/adapters/undici-outside.ts';
import type { Outside } from '#runtime/net/outside.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { EffectFailure, type EffectHandler } from '../handler.ts';
import type { OpenHandlers } from '../handlers.ts';
import { agentSettingsOf } from '../model/asker.ts';
import { charactersMax, openSources } from './source.ts';

/** Opens it. */
export function openInformation(
  { config, tenants, now }: Pick<Runtime, 'config' | 'tenants' | 'now'>,
  outside: Outside = openOutside(),
): OpenHandlers {
  const read = openSources({ outside, trusted: config.trustedOrigins, folder: config.informationDir, now });
  const handler: EffectHandler = {
    timeoutMs: 15_000,
    retryDelaysMs: [0, 1_000],
    concurrency: 16,
    repeatable: true,
    async run(call): Promise<Asks['information.read'][1]> {
      const { event } = await agentSettingsOf(tenants, call);
      if (event === undefined) throw new EffectFailure('information.not-configured');
      // The machine's own form: `asks.ts`.
      const { locale } = call.input as Asks['information.read'][0];
      const sections = 'source' in event ? await read(call.tenant, event.source) : event.sections;
      return { sections: wordedSections(sections, locale) };
    },
  };
  return { handlers: new Map([['information.read', handler]]), close: () => outside.close() };
}

/** As many as fit, in their order. */
function wordedSections(sections: readonly WordedSection[], locale: string): readonly Section[] {
  let room = charactersMax;
  return sections
    .map(({ id, title, text, aliases = [] }) => ({
      id,
      title: wordedIn(title, locale),
      text: wordedIn(text, locale),
      aliases,
    }))
    .filter(({ title, text }) => (room -= title.length + text.length) >= 0);
}
