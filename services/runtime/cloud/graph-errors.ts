/**
 * What the error codes of Meta's Graph API mean, for both of the ways they come: as the answer to a call
 * and inside a failed status. Branches on the code alone: HTTP statuses and titles differ between versions.
 *
 * Source: Meta's page "Error codes" of the WhatsApp Cloud API (July 2026), cross-read with pywa's
 * `errors.py` and the classes of gokapso's `whatsapp-cloud-api-js` (August 2026).
 */

/** What is to be done with a message that met an error. */
export interface GraphRule {
  readonly outcome: 'retry' | 'refused';
  /** Ours: stable, holds nothing personal. */
  readonly reason: string;
  /** What else meets the same now; the message alone when absent. */
  readonly scope?: 'chat' | 'cold-chats' | 'instance';
  /** Not before; milliseconds. `attempt` is 1 for the first. */
  readonly afterMs?: (attempt: number) => number;
  /** Another attempt may help once, with the file uploaded anew. */
  readonly once?: true;
}

const minute = 60_000;

const transient: GraphRule = { outcome: 'retry', reason: 'provider.failed' };
const unavailable: GraphRule = { outcome: 'retry', reason: 'provider.unavailable' };
/** Of the app or the business account: every number of it waits. */
const throttled: GraphRule = { outcome: 'retry', reason: 'provider.rate-limited', scope: 'instance' };
/** 131056: this pair alone, 4^X seconds with X from 0; others go on. */
const pairThrottled: GraphRule = {
  outcome: 'retry',
  reason: 'provider.pair-rate-limited',
  scope: 'chat',
  afterMs: (attempt) => 4 ** Math.min(attempt - 1, 6) * 1_000,
};
const unauthorized: GraphRule = { outcome: 'refused', reason: 'provider.unauthorized', scope: 'instance' };
const accountBlocked: GraphRule = { outcome: 'refused', reason: 'provider.account-blocked', scope: 'instance' };
const unregistered: GraphRule = { outcome: 'refused', reason: 'provider.number-not-registered', scope: 'instance' };
const wrongRequest: GraphRule = { outcome: 'refused', reason: 'provider.refused' };
const unreachable: GraphRule = { outcome: 'refused', reason: 'provider.recipient-unreachable' };
const template = (reason: string): GraphRule => ({ outcome: 'refused', reason: `provider.template-${reason}` });
const group: GraphRule = { outcome: 'refused', reason: 'provider.group-refused' };

const rules: ReadonlyMap<number, GraphRule> = new Map<number, GraphRule>([
  // Transient. 131057: maintenance, also the minute in which a number's throughput is raised.
  [1, transient],
  [2, unavailable],
  [131000, transient],
  [131016, unavailable],
  [133004, unavailable],
  [133005, unavailable],
  [131057, { ...unavailable, scope: 'instance', afterMs: () => minute }],
  // Throttles: of the app, of the business account, of the number, of the pair.
  [4, throttled],
  [80007, throttled],
  [130429, throttled],
  [131056, pairThrottled],
  // WhatsApp restricts whom the number may write to first; going on makes it worse, as 463 does elsewhere.
  [131048, { outcome: 'refused', reason: 'provider.restricted', scope: 'cold-chats' }],
  [131064, { outcome: 'refused', reason: 'provider.messaging-limit', scope: 'cold-chats' }],
  [133016, { ...unregistered, reason: 'provider.registration-limited' }],
  // Of one person and marketing: not again for a day or more, which is for people to decide.
  [131049, { outcome: 'refused', reason: 'provider.marketing-capped' }],
  [131050, { outcome: 'refused', reason: 'provider.marketing-opted-out' }],
  // Token and permissions.
  [0, unauthorized],
  [190, unauthorized],
  [3, { ...unauthorized, reason: 'provider.permission-missing' }],
  [10, { ...unauthorized, reason: 'provider.permission-missing' }],
  [131005, { ...unauthorized, reason: 'provider.permission-missing' }],
  // More than 24 h after the person's last message: only a template may be sent.
  [131047, { outcome: 'refused', reason: 'provider.window-closed' }],
  // Of the recipient.
  [131026, unreachable],
  [131021, { ...unreachable, reason: 'provider.recipient-is-sender' }],
  [131030, { ...unreachable, reason: 'provider.recipient-not-allowed' }],
  [130472, { ...unreachable, reason: 'provider.recipient-in-experiment' }],
  [130497, { ...unreachable, reason: 'provider.country-restricted' }],
  [131062, { ...unreachable, reason: 'provider.recipient-needs-number' }],
  [137000, { ...unreachable, reason: 'provider.recipient-identity-changed' }],
  // Of the request: a defect of ours, or of who asked.
  [33, wrongRequest],
  [100, wrongRequest],
  [131008, wrongRequest],
  [131009, wrongRequest],
  [131051, { ...wrongRequest, reason: 'provider.kind-unsupported' }],
  [135000, wrongRequest],
  [131052, { outcome: 'retry', reason: 'provider.media-download-failed', once: true }],
  [131053, { outcome: 'retry', reason: 'provider.media-upload-failed', once: true }],
  [132000, template('parameters-wrong')],
  [132001, template('unknown')],
  [132005, template('text-too-long')],
  [132007, template('policy-violated')],
  [132008, template('parameters-wrong')],
  [132012, template('parameters-wrong')],
  [132015, template('paused')],
  [132016, template('disabled')],
  [132068, template('flow-blocked')],
  [132069, template('flow-throttled')],
  [131063, { outcome: 'refused', reason: 'provider.marketing-disabled' }],
  // Of the account.
  [368, accountBlocked],
  [131031, accountBlocked],
  [131042, { ...accountBlocked, reason: 'provider.payment-missing' }],
  [131044, { ...accountBlocked, reason: 'provider.payment-missing' }],
  [131037, { ...accountBlocked, reason: 'provider.display-name-missing' }],
  [131045, unregistered],
  [133000, unregistered],
  [133006, unregistered],
  [133008, unregistered],
  [133009, unregistered],
  [133010, unregistered],
  [133015, unregistered],
  [134011, accountBlocked],
  [131020, group],
  [131041, group],
]);

/** The rule of a code; undefined for codes that no page of Meta's had when this was written. */
export function graphRule(code: number): GraphRule | undefined {
  const rule = rules.get(code);
  if (rule !== undefined) return rule;
  // 200 to 299: API permissions.
  return code >= 200 && code <= 299 ? { ...unauthorized, reason: 'provider.permission-missing' } : undefined;
}

/** Our reason for a code; one that is not known is named by its number. */
export const graphReason = (code: number | undefined): string =>
  code === undefined || !Number.isInteger(code) || code < 0 || code > 9_999_999
    ? 'provider.failed'
    : (graphRule(code)?.reason ?? `provider.graph-${code}`);
