/** What `account_update` says about whether a business account may send. */
import { type JsonObject, textAt } from './loose-json.ts';
import type { InstanceStatus } from './provider.ts';

/**
 * The state that the numbers of the account are in now; undefined for news that change nothing. A
 * restriction (`ACCOUNT_RESTRICTION`) is of some kinds of message and a violation (`ACCOUNT_VIOLATION`) a
 * warning: the numbers go on.
 */
export function accountStatus(value: JsonObject): InstanceStatus | undefined {
  switch (textAt(value, 40, 'event')) {
    case 'ACCOUNT_DELETED':
    case 'PARTNER_REMOVED':
    case 'PARTNER_APP_UNINSTALLED':
      return 'failed';
    case 'DISABLED_UPDATE':
      return banStatus(textAt(value, 40, 'ban_info', 'waba_ban_state'));
    default:
      return undefined;
  }
}

function banStatus(state: string | undefined): InstanceStatus | undefined {
  if (state === 'DISABLE') return 'failed';
  return state === 'REINSTATE' ? 'working' : undefined;
}
