/**
 * Who may do what. This table is the only place that says so: routes take their roles from it, the
 * documents are made from it, and a test asks every route as every role.
 */

/** Roles of API keys. `analyst` and `auditor` never see personal data. */
export const roles = ['admin', 'operator', 'analyst', 'auditor', 'ingest'] as const;
export type Role = (typeof roles)[number];

/** What each role is for. */
export const roleMeanings: Readonly<Record<Role, string>> = {
  admin: 'Runs the tenant: everything.',
  operator: 'Talks with people: reads and writes messages, releases what is stuck.',
  analyst: 'Looks at how conversations go. Sees no personal data.',
  auditor: 'Checks who did what. Sees no personal data.',
  ingest: 'A system that hands in messages, and does nothing else.',
};

const everybody = roles;
const readers = ['admin', 'operator', 'analyst', 'auditor'] as const;
const operators = ['admin', 'operator'] as const;

/** Roles that may call each route, by the route's name. */
export const mayCall = {
  'health.read': everybody,
  'simulator.send': ['admin', 'operator', 'ingest'],
  'simulator.read': operators,
  'conversations.list': readers,
  'conversations.search': operators,
  'conversations.read': readers,
  'conversations.messages': operators,
  'conversations.timeline': readers,
  'conversations.state': readers,
  'conversations.release': operators,
  'messages.send': operators,
  'messages.read': readers,
  'instances.list': readers,
  'instances.create': ['admin'],
  'instances.read': readers,
  'parked.list': readers,
  'parked.redrive': operators,
  'audit.search': ['admin', 'analyst', 'auditor'],
} as const satisfies Record<string, readonly Role[]>;

/** Name of a route. */
export type RouteName = keyof typeof mayCall;

/** Whether answers may hold what people wrote or what is known of them. */
export const seesPersonalData = (role: Role): boolean => role === 'admin' || role === 'operator';
