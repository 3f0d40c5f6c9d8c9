/** WAHA's words for the state of a session, by webhook and by call, in ours. Source: WAHA's OpenAPI, 2026.7. */
export const sessionStatuses = new Map<unknown, 'stopped' | 'starting' | 'scanning' | 'working' | 'failed'>([
  ['STOPPED', 'stopped'],
  ['STARTING', 'starting'],
  // A person has to do something to link the account.
  ['SCAN_QR_CODE', 'scanning'],
  ['PASSKEY_REQUIRED', 'scanning'],
  ['PASSKEY_CONFIRMATION_REQUIRED', 'scanning'],
  ['WORKING', 'working'],
  ['FAILED', 'failed'],
]) satisfies ReadonlyMap<unknown, string>;
