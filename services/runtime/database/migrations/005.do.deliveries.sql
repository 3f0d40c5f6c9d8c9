-- Deliveries: what is to be sent to people, and what became of it. Truth, not cache.
--
-- The row of a message is born from its `reply.requested` record. A message that the API was asked
-- for exists before that: in `message_requests`, so that its status can be read at once.

-- Messages asked for through the API. The API inserts the row, appends `message.requested`, then sets
-- `appended_at`; one without `appended_at` may be appended again under the same ids. The sender sets
-- `declined` when the machine refused; after `reply.requested` the row in `deliveries` (by
-- `message_id`) says more than this one.
CREATE TABLE message_requests (
  tenant text NOT NULL,
  id text NOT NULL,
  conversation text NOT NULL,
  instance text NOT NULL,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'declined')),
  reason text,
  -- Chosen by the caller: a second request with the same key is the first one.
  idempotency_key text,
  appended_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, idempotency_key)
);
SELECT prosa_protect('message_requests');
GRANT SELECT, INSERT, UPDATE ON message_requests TO prosa_api;
GRANT SELECT, UPDATE ON message_requests TO prosa_worker;

CREATE TABLE deliveries (
  tenant text NOT NULL,
  -- Event id of the `reply.requested` record.
  id text PRIMARY KEY,
  conversation text NOT NULL,
  -- Where that record is: the order within the chat.
  log_partition int NOT NULL,
  log_offset bigint NOT NULL,
  instance text NOT NULL,
  -- Provider of the newest attempt.
  provider text,
  -- Id under which the asker follows it (`message_requests.id`).
  message_id text,
  origin text NOT NULL,
  priority text NOT NULL,
  kind text NOT NULL,
  revision text,
  -- As it came in the record: sealed in (tenant, conversation, 'reply.requested', id).
  content bytea,
  -- `queued` and `sending` hold up the later ones of the chat; every other status lets them pass.
  status text NOT NULL CHECK (status IN
    ('queued', 'scheduled', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown', 'manual', 'cancelled')),
  -- Stable code of why it failed or is not known.
  reason text,
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  -- A row that is `sending` is its claimer's until `lease_until`; then anybody may find out what became of it.
  claimed_by text,
  claimed_at timestamptz,
  lease_until timestamptz,
  -- Grows with every claim: only the newest claim may settle.
  claim bigint NOT NULL DEFAULT 0,
  -- When the first attempt was claimed: earlier messages at the provider cannot be this one.
  first_claimed_at timestamptz,
  -- Look-ups at the provider since the newest attempt.
  lookups int NOT NULL DEFAULT 0,
  -- An attempt ended without an answer: never `failed` from then on, at most `unknown`.
  uncertain boolean NOT NULL DEFAULT false,
  -- Stanza id that we gave; made from a hash, holds nothing personal.
  client_message_id text NOT NULL,
  -- Keyed hash of the stable part of the provider's id: acks find the delivery by it.
  provider_message_index text,
  -- Provider's ids and words, sealed in (tenant, conversation, 'delivery.result', id).
  result bytea,
  settled_at timestamptz,
  -- Outbox: when set, the status is still to be told to the conversation, by anybody from then on.
  report_due_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE deliveries ALTER COLUMN content SET STORAGE EXTERNAL;
SELECT prosa_protect('deliveries');
-- The head of a chat.
CREATE INDEX deliveries_open ON deliveries (conversation, log_offset) WHERE status IN ('queued', 'sending');
-- What is due, by instance.
CREATE INDEX deliveries_due ON deliveries (instance, next_attempt_at, log_offset) WHERE status = 'queued';
CREATE INDEX deliveries_in_flight ON deliveries (lease_until) WHERE status = 'sending';
CREATE INDEX deliveries_to_report ON deliveries (report_due_at) WHERE report_due_at IS NOT NULL;
CREATE INDEX deliveries_by_message ON deliveries (tenant, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX deliveries_by_provider_message ON deliveries (tenant, provider_message_index)
  WHERE provider_message_index IS NOT NULL;
-- For lists. What is queued or sending is found by the indexes above; were it in here as well, a
-- planner without statistics would take this one for the claim and read everything that is open.
CREATE INDEX deliveries_by_status ON deliveries (tenant, status, updated_at) WHERE status NOT IN ('queued', 'sending');
GRANT SELECT, INSERT, UPDATE ON deliveries TO prosa_worker;
GRANT SELECT ON deliveries TO prosa_api;

-- Every call to a provider, with the latest that is known of it.
CREATE TABLE delivery_attempts (
  tenant text NOT NULL,
  delivery text NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
  number int NOT NULL,
  instance text NOT NULL,
  provider text,
  at timestamptz NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('sent', 'retry', 'refused', 'unknown')),
  code text,
  http_status int,
  duration_ms int,
  PRIMARY KEY (delivery, number)
);
SELECT prosa_protect('delivery_attempts');
GRANT SELECT, INSERT, UPDATE ON delivery_attempts TO prosa_worker;
GRANT SELECT ON delivery_attempts TO prosa_api;

-- What the simulated phones received. `sequence` is the cursor of readers.
CREATE TABLE simulator_messages (
  tenant text NOT NULL,
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  instance text NOT NULL,
  conversation text NOT NULL,
  phone_index text NOT NULL,
  delivery text NOT NULL UNIQUE,
  -- Sealed in (tenant, conversation, 'simulator.message', delivery).
  content bytea NOT NULL,
  at timestamptz NOT NULL
);
SELECT prosa_protect('simulator_messages');
CREATE INDEX simulator_messages_by_phone ON simulator_messages (tenant, phone_index, sequence);
GRANT SELECT, INSERT ON simulator_messages TO prosa_worker;
GRANT SELECT ON simulator_messages TO prosa_api;
