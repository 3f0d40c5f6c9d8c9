-- Effects: what actors asked of the outside world, and what became of it. Truth, not cache: a row is what
-- keeps a repeated request from being carried out twice. Nothing here begins with the tenant, so that no
-- statement of the service can take an index by it (013 has the reason).
CREATE TABLE effects (
  tenant text NOT NULL,
  -- Event id of the `effect.requested` record.
  id text PRIMARY KEY,
  actor text NOT NULL,
  source text NOT NULL,
  revision text,
  -- As it came in the record: sealed in (tenant, actor, 'effect.requested', id).
  input bytea,
  -- requested → running → answered → done; cancelled from any but done. What is answered is only still to be told.
  status text NOT NULL CHECK (status IN ('requested', 'running', 'answered', 'done', 'cancelled')),
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  claimed_by text,
  -- A row that is `running` is its claimer's until then.
  lease_until timestamptz,
  -- Grows with every claim: only the newest claim may answer.
  claim bigint NOT NULL DEFAULT 0,
  -- What is told: `done` or `error` with its code, sealed in (tenant, actor, 'effect.completed', its event id).
  outcome text CHECK (outcome IN ('done', 'error')),
  reason text,
  output bytea,
  answered_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
SELECT prosa_protect('effects');
-- What is due, by source: each source has its own room.
CREATE INDEX effects_due ON effects (source, next_attempt_at) WHERE status = 'requested';
CREATE INDEX effects_running ON effects (lease_until) WHERE status = 'running';
CREATE INDEX effects_answered ON effects (answered_at) WHERE status = 'answered';
-- For the clean-up: the topic keeps requests for 30 days, so that a row is needed no longer.
CREATE INDEX effects_over ON effects (created_at) WHERE status IN ('done', 'cancelled');
GRANT SELECT, INSERT, UPDATE, DELETE ON effects TO prosa_worker;
