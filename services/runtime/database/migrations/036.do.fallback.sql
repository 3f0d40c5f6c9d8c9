-- The ladder of fallbacks: what a delivery is tried by after its own attempts, and who is told when nothing helps.

-- Stable code of what its newest attempt met; null when that was sent, or before the first.
ALTER TABLE deliveries ADD COLUMN cause text;
-- The rung on which it stands; null on its own instance and schedule.
ALTER TABLE deliveries ADD COLUMN fallback text CHECK (fallback IN ('instance', 'priority'));
-- When somebody decided that what may have arrived is left as it is.
ALTER TABLE deliveries ADD COLUMN dismissed_at timestamptz;
GRANT UPDATE (fallback, dismissed_at) ON deliveries TO prosa_api;

-- Each step down the ladder. Nothing here begins with the tenant, so that no statement takes an index by it.
CREATE TABLE delivery_steps (
  tenant text NOT NULL,
  delivery text NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
  number int NOT NULL,
  step text NOT NULL CHECK (step IN ('endpoint', 'instance', 'priority', 'notify', 'manual')),
  -- The rung before it; null for its own attempts.
  from_step text,
  -- Stable code of what made it necessary.
  cause text NOT NULL,
  -- With which it went on.
  instance text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  -- Outbox of the audit: when set, the step is still to be recorded.
  record_due_at timestamptz DEFAULT now(),
  -- The notice that people are told of it by; null while it is to be put into one.
  notice text,
  PRIMARY KEY (delivery, number)
);
SELECT prosa_protect('delivery_steps');
CREATE INDEX delivery_steps_to_record ON delivery_steps (record_due_at) WHERE record_due_at IS NOT NULL;
CREATE INDEX delivery_steps_to_notify ON delivery_steps (at) WHERE step = 'notify' AND notice IS NULL;
GRANT SELECT, INSERT, UPDATE ON delivery_steps TO prosa_worker;
GRANT SELECT ON delivery_steps TO prosa_api;

-- What people are told of messages that need them: one row per mail.
CREATE TABLE sending_notices (
  tenant text NOT NULL,
  id text PRIMARY KEY,
  -- What it is about: counts by instance and cause, nothing personal.
  groups jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- When it was handed to the effects; null while that is to be done.
  handed_at timestamptz
);
SELECT prosa_protect('sending_notices');
CREATE INDEX sending_notices_to_hand ON sending_notices (created_at) WHERE handed_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON sending_notices TO prosa_worker;

-- When a tenant's people were told last: the next one waits, so that an outage is no flood of mails.
CREATE TABLE sending_notice_times (
  tenant text PRIMARY KEY,
  told_at timestamptz NOT NULL
);
SELECT prosa_protect('sending_notice_times');
GRANT SELECT, INSERT, UPDATE ON sending_notice_times TO prosa_worker;

-- Since when people know that an account is shut: they are told once for each time that it is.
ALTER TABLE sending_gates ADD COLUMN told_opened_at timestamptz;
-- Shut accounts, for who looks after what waits for them.
CREATE INDEX sending_gates_shut ON sending_gates (opened_at) WHERE state <> 'closed';
