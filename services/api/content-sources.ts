/** Where the contents that are asked for find what they name. */
import { Problem } from '#runtime/http.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { type Template, openTemplates } from '#runtime/templates/templates.ts';

import type { ContentSources, MediaKind } from './message-content.ts';
import { messageTarget } from './message-targets.ts';
import { notFound } from './route.ts';
import { templateText } from './template-text.ts';

const mebibyte = 1_024 * 1_024;

/**
 * Largest file of each kind (Meta: "Media", supported types). WhatsApp takes documents of 100 MB; files of ours
 * are held in memory while they are sent, so that larger ones have to be sent by their address.
 */
const fileBytesMax: Readonly<Record<MediaKind, number>> = {
  image: 5 * mebibyte,
  audio: 16 * mebibyte,
  video: 16 * mebibyte,
  document: 16 * mebibyte,
  sticker: 0.5 * mebibyte,
};

/** Finds a template of a tenant. */
type TemplateFinder = (name: string, language: string) => Promise<Template | undefined>;

/** Reads each template once, for many messages of one call. */
export function rememberTemplates({ database }: Pick<Runtime, 'database'>, tenant: string): TemplateFinder {
  const found = new Map<string, ReturnType<TemplateFinder>>();
  return (name, language) => {
    const key = `${name} ${language}`;
    const known = found.get(key) ?? openTemplates(database).find(tenant, name, language);
    found.set(key, known);
    return known;
  };
}

/** The sources of one conversation. */
export const contentSources = (
  runtime: Runtime,
  tenant: string,
  conversation: string,
  findTemplate: TemplateFinder = rememberTemplates(runtime, tenant),
): ContentSources => ({
  outside: { trusted: runtime.config.trustedOrigins },
  target: (id) => messageTarget(runtime, tenant, conversation, id),
  async requireFile(id, kind) {
    const found = await runtime.database.query<{ bytes: string }>(
      [tenant],
      'SELECT bytes FROM files WHERE tenant = $1 AND id = $2 AND gone IS NULL',
      [tenant, id],
    );
    const [file] = found.rows;
    if (file === undefined) throw notFound();
    if (Number(file.bytes) > fileBytesMax[kind])
      throw new Problem(422, 'file-too-large', 'The file is larger than WhatsApp takes of this kind.');
  },
  async renderTemplate(wanted) {
    return templateText(await findTemplate(wanted.name, wanted.language), wanted);
  },
});
