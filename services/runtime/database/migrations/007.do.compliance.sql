-- What was audited, and what people consented to. Both are rows of the audit topic, in a form that
-- can be searched; no personal data. Append-only: the services may neither change nor delete.

CREATE TABLE audit_events (
  tenant text NOT NULL,
  event_id text NOT NULL,
  -- Conversation, instance or other actor concerned.
  actor text NOT NULL,
  causation_id text,
  occurred_at timestamptz NOT NULL,
  provider_at timestamptz,
  revision text,
  action text NOT NULL,
  machine text,
  machine_version text,
  trigger text,
  from_state text,
  to_state text,
  instance text,
  subject text,
  outcome text,
  acted_by text,
  episode int,
  PRIMARY KEY (tenant, event_id)
);
SELECT prosa_protect('audit_events');
CREATE INDEX audit_events_by_time ON audit_events (tenant, occurred_at, event_id);
CREATE INDEX audit_events_by_actor ON audit_events (tenant, actor, occurred_at, event_id);
CREATE INDEX audit_events_by_action ON audit_events (tenant, action, occurred_at, event_id);

-- The chain of a conversation, in the order of `at`, `event_id`: what was asked, answered and taken back.
CREATE TABLE consents (
  tenant text NOT NULL,
  conversation text NOT NULL,
  -- The audit event that says so.
  event_id text NOT NULL,
  status text NOT NULL CHECK (status IN ('requested', 'given', 'refused', 'withdrawn')),
  notice_version text,
  -- Whether the person pressed a button or wrote.
  given_by text,
  at timestamptz NOT NULL,
  -- The record in which the person answered.
  evidence_event_id text,
  PRIMARY KEY (tenant, event_id)
);
SELECT prosa_protect('consents');
CREATE INDEX consents_by_conversation ON consents (tenant, conversation, at, event_id);

GRANT SELECT, INSERT ON audit_events, consents TO prosa_worker;
GRANT SELECT ON audit_events, consents TO prosa_api;
