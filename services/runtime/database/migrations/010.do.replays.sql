-- Replays: jobs that fold what happened again, or write it out again. A row is the whole state of its
-- job, so that any process can go on with it.

CREATE TABLE replays (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('verify', 'rebuild', 'what-if', 're-emit')),
  -- What was asked for: ids, codes and times alone.
  request jsonb NOT NULL,
  -- The API key.
  requested_by text NOT NULL,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  cancel_requested boolean NOT NULL DEFAULT false,
  -- What is shown: counts and pace, a little ahead of the checkpoint.
  progress jsonb NOT NULL,
  -- Where to go on, with the counts as of there.
  checkpoint jsonb,
  -- Why it failed, or what it waits for.
  code text,
  claimed_by text,
  -- After this anybody may go on with it.
  lease_until timestamptz,
  -- Claims in a row whose process ended without a checkpoint.
  deaths int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz
);
SELECT prosa_protect('replays');
CREATE INDEX replays_by_time ON replays (tenant, created_at, id);
CREATE INDEX replays_open ON replays (created_at) WHERE status IN ('queued', 'running');

-- What was found, one row per actor: the first divergence, or how another machine differs.
CREATE TABLE replay_findings (
  tenant text NOT NULL,
  replay text NOT NULL REFERENCES replays (id) ON DELETE CASCADE,
  actor text NOT NULL,
  verdict text NOT NULL,
  -- Ids, offsets, codes and states; no content.
  body jsonb NOT NULL,
  -- What was said and what would have been, sealed in (tenant, actor, 'replay.finding', replay).
  content bytea,
  PRIMARY KEY (replay, actor)
);
SELECT prosa_protect('replay_findings');

-- Offsets of records that the actor host set aside: they were never applied, though they may be readable
-- by now, so folds leave them out. A part of the journal, rebuilt with it from the topic of parked records.
CREATE TABLE journal_parked (
  tenant text NOT NULL,
  actor text NOT NULL,
  partition int NOT NULL,
  record_offset bigint NOT NULL,
  PRIMARY KEY (actor, record_offset)
);
SELECT prosa_protect('journal_parked');
CREATE TABLE parked_progress (
  partition int PRIMARY KEY,
  next_offset bigint NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON replays TO prosa_api;
GRANT SELECT ON replay_findings, journal_parked, parked_progress TO prosa_api;
GRANT SELECT, UPDATE ON replays TO prosa_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON replay_findings, journal_parked, parked_progress TO prosa_worker;
