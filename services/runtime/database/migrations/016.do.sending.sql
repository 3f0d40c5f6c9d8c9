-- Sending: lanes, limits, breakers, what is to be sent later.

-- What a queued delivery competes in with others of its instance: three times its class (what limits it)
-- plus its priority; services/sender/lanes.ts has both.
ALTER TABLE deliveries ADD COLUMN lane int NOT NULL DEFAULT 1;
-- Attempts made before somebody asked for it to be tried again: they count for nothing in the schedule of retries.
ALTER TABLE deliveries ADD COLUMN attempts_forgiven int NOT NULL DEFAULT 0;
-- When what the provider says is looked through for a delivery that is not known to be sent.
ALTER TABLE deliveries ADD COLUMN evidence_due_at timestamptz;

-- `next_attempt_at` is 'infinity' while an earlier one of the chat is open: what waits behind another is
-- at the far end of the index, however much it is. Who settles that other one brings it to the front.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (instance, lane, next_attempt_at, log_offset) WHERE status = 'queued';

-- What was put off without holding up its chat. The list by status leaves it out for the reason given there.
DROP INDEX deliveries_by_status;
CREATE INDEX deliveries_by_status ON deliveries (tenant, status, updated_at)
  WHERE status NOT IN ('queued', 'sending', 'scheduled');
CREATE INDEX deliveries_put_off ON deliveries (next_attempt_at) WHERE status = 'scheduled';
CREATE INDEX deliveries_evidence ON deliveries (evidence_due_at) WHERE evidence_due_at IS NOT NULL;

-- The API cancels what is not on its way, and has what failed tried again.
GRANT UPDATE (status, reason, next_attempt_at, attempts_forgiven, settled_at, report_due_at, evidence_due_at, updated_at)
  ON deliveries TO prosa_api;

-- Accounts that may not be sent with now; what waits for them is held. No row: nothing is known against it.
CREATE TABLE sending_gates (
  tenant text NOT NULL,
  instance text NOT NULL,
  state text NOT NULL CHECK (state IN ('closed', 'open', 'half-open')),
  -- Stable code of what opened it.
  reason text,
  -- How often in a row it was opened: pauses grow with it.
  openings int NOT NULL DEFAULT 0,
  opened_at timestamptz,
  -- From then on one delivery is tried, by the process that claims the probe.
  probe_at timestamptz,
  probe_by text,
  probe_until timestamptz,
  -- Until then nobody is written to who never wrote to the account.
  cold_until timestamptz,
  cold_reason text,
  cold_openings int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, instance)
);
SELECT prosa_protect('sending_gates');
GRANT SELECT, INSERT, UPDATE ON sending_gates TO prosa_worker;
GRANT SELECT, UPDATE (state, probe_at, cold_until) ON sending_gates TO prosa_api;

-- Messages to be asked for later, and ones that were taken back. `content` is sealed as in the record
-- that is appended when it is due: under (tenant, conversation, 'message.requested', its event id).
ALTER TABLE message_requests DROP CONSTRAINT message_requests_status_check;
ALTER TABLE message_requests ADD CONSTRAINT message_requests_status_check
  CHECK (status IN ('scheduled', 'queued', 'declined', 'cancelled'));
ALTER TABLE message_requests ADD COLUMN due_at timestamptz;
ALTER TABLE message_requests ADD COLUMN priority text;
ALTER TABLE message_requests ADD COLUMN origin text;
ALTER TABLE message_requests ADD COLUMN content bytea;
-- For who has a key alone: the isolation policy would otherwise have it read whole in place of the primary key.
ALTER TABLE message_requests DROP CONSTRAINT message_requests_tenant_idempotency_key_key;
CREATE UNIQUE INDEX message_requests_by_key ON message_requests (tenant, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX message_requests_due ON message_requests (due_at) WHERE status = 'scheduled';
