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
  'conversations.replay': readers,
  'conversations.history': operators,
  'conversations.release': operators,
  'conversations.takeover': operators,
  'conversations.handback': operators,
  'conversations.merge': operators,
  'conversations.unmerge': operators,
  'service-queues.list': readers,
  'chat.send': operators,
  'messages.send': operators,
  'messages.read': readers,
  'messages.bulk': operators,
  'messages.bulk-read': readers,
  'broadcasts.create': operators,
  'broadcasts.recipients': operators,
  'broadcasts.start': operators,
  'broadcasts.pause': operators,
  'broadcasts.resume': operators,
  'broadcasts.stop': operators,
  'broadcasts.list': readers,
  'broadcasts.read': readers,
  'instances.list': readers,
  'instances.create': ['admin'],
  'instances.read': readers,
  'instances.connect': operators,
  'instances.qr': operators,
  'instances.status': readers,
  'instances.restart': operators,
  'instances.recover': operators,
  'instances.logout': operators,
  'instances.provider': ['admin'],
  'instances.delete': ['admin'],
  'templates.list': readers,
  'templates.sync': ['admin'],
  'messages.cancel': operators,
  'messages.retry': operators,
  'files.upload': operators,
  'files.read': operators,
  'transcriptions.create': operators,
  'models.set-key': ['admin'],
  'appointments.list': readers,
  'appointments.create': operators,
  'appointments.cancel': operators,
  'appointments.set-account': ['admin'],
  'participants.list': readers,
  'participants.search': operators,
  'participants.export': operators,
  'configuration.read': operators,
  'configuration.set': ['admin'],
  'configuration.read-revision': operators,
  'subscriptions.create': ['admin'],
  'subscriptions.list': ['admin'],
  'subscriptions.delete': ['admin'],
  'subscriptions.test': ['admin'],
  'subscriptions.deliveries': ['admin'],
  'deliveries.list': readers,
  'deliveries.read': readers,
  'deliveries.retry': operators,
  'deliveries.cancel': operators,
  'deliveries.causes': readers,
  'queues.list': readers,
  'queues.resume': operators,
  'topics.list': operators,
  'parked.list': readers,
  'parked.redrive': operators,
  'audit.search': ['admin', 'analyst', 'auditor'],
  'replays.create': readers,
  'replays.list': readers,
  'replays.read': readers,
  'replays.findings': readers,
  'replays.cancel': operators,
} as const satisfies Record<string, readonly Role[]>;

/** Roles that may ask for each replay. Events stay sealed, and still say who wrote when; audit follows its own route. */
export const mayAskReplay: Readonly<Record<ReplayName, readonly Role[]>> = {
  verify: readers,
  rebuild: operators,
  'what-if': ['admin', 'operator', 'analyst'],
  're-emit events': ['admin'],
  're-emit audit': mayCall['audit.search'],
};
type ReplayName = 'verify' | 'rebuild' | 'what-if' | 're-emit events' | 're-emit audit';

/** Name of a route. */
export type RouteName = keyof typeof mayCall;

/** Whether answers may hold what people wrote or what is known of them. */
export const seesPersonalData = (role: Role): boolean => role === 'admin' || role === 'operator';
