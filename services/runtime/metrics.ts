/**
 * Metrics in the Prometheus format. Labels are bounded sets of codes: no ids of people,
 * conversations or messages. Names carry the unit; `wa_` is the prefix of all of ours.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Makes the metrics of a process. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter<L>({ name, help, labelNames, registers: [registry] });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge<L>({ name, help, labelNames, registers: [registry] });
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Histogram<L>({ name, help, labelNames, buckets: latencyBuckets, registers: [registry] });
  return {
    registry,
    ingestRequests: counter('wa_ingest_requests_total', 'Webhook requests', ['provider', 'outcome']),
    ingestDuration: histogram('wa_ingest_duration_seconds', 'Time to answer a webhook', ['provider']),
    ingestEvents: counter('wa_ingest_events_total', 'Webhook events', ['provider', 'outcome']),
    ingestWindowDegraded: gauge('wa_ingest_window_degraded', '1 while the shared window of duplicates is away', []),
    turns: counter('wa_turns_total', 'Records applied to actors', ['machine', 'outcome']),
    sliceDuration: histogram('wa_slice_duration_seconds', 'Time to apply and commit a slice', []),
    sliceRecords: counter('wa_slice_records_total', 'Records in committed slices', []),
    actorsCached: gauge('wa_actor_cache_entries', 'Actor snapshots in memory', []),
    actorsQuarantined: counter('wa_actors_quarantined_total', 'Actors put in quarantine', ['code']),
    recordsParked: counter('wa_records_parked_total', 'Records parked', ['topic', 'code']),
    assignments: counter('wa_assignments_total', 'Partitions taken over', ['group']),
    consumerLag: gauge('wa_consumer_lag_records', 'Distance to the stable end', ['group', 'topic', 'partition']),
    consumerLagSeconds: gauge('wa_consumer_lag_seconds', 'Age of the oldest record waiting', [
      'group',
      'topic',
      'partition',
    ]),
    sendAttempts: counter('wa_send_attempts_total', 'Calls to providers', ['provider', 'outcome']),
    sendDuration: histogram('wa_send_duration_seconds', 'Time of a call to a provider', ['provider']),
    deliveries: counter('wa_deliveries_total', 'Deliveries that reached a final status', ['provider', 'status']),
    sendLimited: counter('wa_send_limited_total', 'Times that a limit put messages off', ['provider', 'limit']),
    sendLimitsDegraded: gauge('wa_send_limits_degraded', '1 while the limits cannot be shared between processes', []),
    sendAccountsHeld: gauge('wa_send_accounts_held', 'Accounts that may not be sent with now', ['provider', 'state']),
    breakerChanges: counter('wa_breaker_changes_total', 'Times that a breaker of an instance changed', ['state']),
    effects: counter('wa_effects_total', 'Effects that were answered', ['source', 'outcome']),
    effectDuration: histogram('wa_effect_duration_seconds', 'Time of one attempt to carry out an effect', ['source']),
    modelDuration: histogram('wa_model_call_duration_seconds', 'Time of one call to a model', ['model', 'outcome']),
    modelTokens: counter('wa_model_tokens_total', 'Tokens that models counted', ['model', 'kind']),
    modelCost: counter('wa_model_cost_micros_total', "Cost in millionths of the tenants' currency units", ['model']),
    modelProposals: counter('wa_model_proposals_total', 'Steps that a model was asked about', ['outcome']),
    modelBreaker: gauge('wa_model_breaker_open', '1 while a model is not called, 0.5 while it is tried', ['model']),
    timersFired: counter('wa_timers_fired_total', 'Timers fired', []),
    mediaFetches: counter('wa_media_fetches_total', 'Attempts to fetch a file of a message', ['provider', 'outcome']),
    webhookPosts: counter('wa_webhook_posts_total', "Requests to tenants' endpoints", ['outcome']),
    auditRecords: counter('wa_audit_records_total', 'Audit records stored', []),
    projectedRecords: counter('wa_projected_records_total', 'Records projected', []),
    apiDuration: histogram('wa_api_request_duration_seconds', 'Time to answer a request', ['route', 'status']),
  };
}

/** The metrics of a process. */
export type Metrics = ReturnType<typeof createMetrics>;
