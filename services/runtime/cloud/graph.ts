/** Where the Graph API of an instance is. */
import type { Instance } from '../instances/instances.ts';
import { urlAt } from '../net/adapters/provider-http.ts';

const baseUrlDefault = 'https://graph.facebook.com';
/** The version that the shapes here were read in. */
const versionDefault = 'v26.0';

/** URL of a node or edge, as `106540352242922/messages`, for an instance of the Cloud API. */
export function graphUrl({ settings }: Pick<Instance, 'settings'>, path: string): URL {
  return urlAt(settings.baseUrl ?? baseUrlDefault, `${settings.graphVersion ?? versionDefault}/${path}`);
}

/** What proves to the Graph API who calls; nothing when the instance has no token. */
export const graphHeaders = ({ credentials }: Pick<Instance, 'credentials'>): Readonly<Record<string, string>> =>
  credentials.apiKey === undefined ? {} : { authorization: `Bearer ${credentials.apiKey}` };
