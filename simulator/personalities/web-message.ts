/** Messages in the form of Baileys, which Evolution and our gateway pass on (`WAProto.proto`). */
import type { Said } from './personality.ts';

/** What a person wrote. */
export function webMessageOf(said: Said): Readonly<Record<string, unknown>> {
  switch (said.kind) {
    case 'text':
      return { conversation: said.text };
    case 'button':
      return { buttonsResponseMessage: { selectedButtonId: said.id, selectedDisplayText: said.title } };
    case 'location':
      return { locationMessage: { degreesLatitude: said.latitude, degreesLongitude: said.longitude } };
  }
}

/** Text or caption of a message; empty where there is none. */
export function webTextOf(message: Readonly<Record<string, unknown>>): string {
  const [content] = Object.values(message);
  if (typeof content === 'string') return content;
  const { caption } = { ...(content as { caption?: unknown } | undefined) };
  return typeof caption === 'string' ? caption : '';
}
