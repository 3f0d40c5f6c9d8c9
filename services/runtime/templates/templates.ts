/**
 * Message templates of the tenants' WhatsApp Business Accounts, as of their last synchronisation. Meta
 * decides what a template is and whether it may be sent; this is what it said last.
 */
import { z } from 'zod';

import type { Database, Sql } from '../database/database.ts';
import { insertRows, type Columns } from '../database/rows.ts';

/** A button of a template. */
export interface TemplateButton {
  /** Place among all buttons, from 0: sends name it by that. */
  readonly index: number;
  /** Meta's word: `QUICK_REPLY`, `URL`, `PHONE_NUMBER`, `COPY_CODE`, … */
  readonly type: string;
  readonly text: string;
  readonly variables: number;
}

/** A template. Variables are in the order in which values are given; names are digits where they have none. */
export interface Template {
  readonly id: string;
  readonly businessAccountId: string;
  readonly name: string;
  readonly language: string;
  readonly category: string;
  /** `APPROVED` may be sent; anything else may not. */
  readonly status: string;
  readonly header:
    { readonly format: string; readonly text?: string; readonly variables: readonly string[] } | undefined;
  readonly body: { readonly text: string; readonly variables: readonly string[] };
  readonly footer: string | undefined;
  readonly buttons: readonly TemplateButton[];
  readonly syncedAt: Date;
}

/** Meta's own form. */
export const metaTemplate = z.looseObject({
  id: z.string(),
  name: z.string().max(512),
  language: z.string().max(20),
  category: z.string(),
  status: z.string(),
  components: z.array(z.looseObject({ type: z.string() })).default([]),
});
export type MetaTemplate = z.infer<typeof metaTemplate>;

/** Where a page begins: after this template. */
export type TemplatePlace = readonly [name: string, language: string, businessAccountId: string];

/** What changed at a synchronisation. */
export interface Synchronised {
  readonly templates: number;
  readonly removed: number;
}

/** All methods throw `database.unavailable`. */
export interface Templates {
  /** The template of a name and language; approved ones first where several accounts have it. */
  find(tenant: string, name: string, language: string): Promise<Template | undefined>;
  /** By name, language and account. */
  list(tenant: string, after: TemplatePlace | undefined, limit: number): Promise<readonly Template[]>;
  /** Puts these in place of all that are known of the account. Idempotent. */
  replace(tenant: string, businessAccountId: string, all: readonly MetaTemplate[], at: number): Promise<Synchronised>;
}

interface Row {
  readonly id: string;
  readonly business_account: string;
  readonly name: string;
  readonly language: string;
  readonly category: string;
  readonly status: string;
  readonly components: MetaTemplate['components'];
  readonly synced_at: Date;
}

const columns = 'id, business_account, name, language, category, status, components, synced_at';

/** Opens the templates. */
export function openTemplates(database: Database): Templates {
  return {
    async find(tenant, name, language) {
      const found = await database.query<Row>(
        [tenant],
        `SELECT ${columns} FROM templates WHERE tenant = $1 AND name = $2 AND language = $3
         ORDER BY (status = 'APPROVED') DESC, business_account LIMIT 1`,
        [tenant, name, language],
      );
      return found.rows.map(templateOf)[0];
    },

    async list(tenant, after, limit) {
      const found = await database.query<Row>(
        [tenant],
        `SELECT ${columns} FROM templates WHERE tenant = $1 AND (name, language, business_account) > ($2, $3, $4)
         ORDER BY name, language, business_account LIMIT $5`,
        [tenant, ...(after ?? ['', '', '']), limit],
      );
      return found.rows.map(templateOf);
    },

    replace: (tenant, account, all, at) =>
      database.transaction([tenant], async (sql) => {
        await upsert(sql, tenant, account, all, at);
        const removed = await sql.query(
          'DELETE FROM templates WHERE tenant = $1 AND business_account = $2 AND synced_at <> $3',
          [tenant, account, new Date(at)],
        );
        return { templates: all.length, removed: removed.rowCount };
      }),
  };
}

async function upsert(
  sql: Sql,
  tenant: string,
  account: string,
  all: readonly MetaTemplate[],
  at: number,
): Promise<void> {
  const rows: Columns<MetaTemplate> = {
    tenant: ['text', () => tenant],
    business_account: ['text', () => account],
    name: ['text', ({ name }) => name],
    language: ['text', ({ language }) => language],
    id: ['text', ({ id }) => id],
    category: ['text', ({ category }) => category],
    status: ['text', ({ status }) => status],
    components: ['jsonb', ({ components }) => JSON.stringify(components)],
    synced_at: ['timestamptz', () => new Date(at)],
  };
  // A statement may not write a row twice; Meta has one template per name and language.
  const once = new Map(all.map((one) => [`${one.name}/${one.language}`, one]));
  await insertRows(
    sql,
    'templates',
    rows,
    [...once.values()],
    `(tenant, name, language, business_account) DO UPDATE SET id = excluded.id, category = excluded.category,
       status = excluded.status, components = excluded.components, synced_at = excluded.synced_at`,
  );
}

const textComponent = z.looseObject({ format: z.string().optional(), text: z.string().optional() });
const buttonsComponent = z.looseObject({
  buttons: z
    .array(z.looseObject({ type: z.string(), text: z.string().optional(), url: z.string().optional() }))
    .catch([])
    .optional(),
});

function templateOf(row: Row): Template {
  const component = (type: string) => row.components.find((one) => one.type.toUpperCase() === type);
  const header = textComponent.safeParse(component('HEADER')).data;
  const body = textComponent.safeParse(component('BODY')).data?.text ?? '';
  const buttons = buttonsComponent.safeParse(component('BUTTONS')).data?.buttons ?? [];
  return {
    id: row.id,
    businessAccountId: row.business_account,
    name: row.name,
    language: row.language,
    category: row.category,
    status: row.status,
    header:
      header === undefined
        ? undefined
        : {
            format: header.format ?? 'TEXT',
            ...(header.text === undefined ? {} : { text: header.text }),
            variables: variablesIn(header.text ?? ''),
          },
    body: { text: body, variables: variablesIn(body) },
    footer: textComponent.safeParse(component('FOOTER')).data?.text,
    buttons: buttons.map(({ type, text = '', url = '' }, index) => ({
      index,
      type: type.toUpperCase(),
      text,
      // A code to copy is a variable without a mark.
      variables: type.toUpperCase() === 'COPY_CODE' ? 1 : variablesIn(url).length,
    })),
    syncedAt: row.synced_at,
  };
}

/** Names of the variables `{{…}}` of a text, each once: numbers by value, others as they come. */
function variablesIn(text: string): readonly string[] {
  const names = [...new Set([...text.matchAll(/\{\{\s*(\w{1,60})\s*\}\}/g)].map(([, name = '']) => name))];
  return names.every((name) => /^\d+$/.test(name)) ? names.sort((a, b) => Number(a) - Number(b)) : names;
}
