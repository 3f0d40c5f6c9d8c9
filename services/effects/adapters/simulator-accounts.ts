import type { AccountProvider } from '../ports/accounts.ts';

const works = () => Promise.resolve({ status: 'working' } as const);

/** The simulated phones: always there. */
export const simulatorAccounts: AccountProvider = {
  connect: works,
  look: works,
  restart: works,
  logout: () => Promise.resolve({ status: 'stopped' }),
  remove: () => Promise.resolve(false),
  sign: () => ({}),
  close: () => Promise.resolve(),
};
