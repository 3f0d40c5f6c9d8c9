-- The actor host: snapshots (cache), progress and epochs of partitions.

-- Two versions per actor at most: the last committed one and the next. `next_offset` is the offset
-- after the last record applied; recovery takes the greatest at or below the committed offset.
CREATE TABLE actor_snapshots (
  tenant text NOT NULL,
  actor text NOT NULL,
  next_offset bigint NOT NULL,
  partition int NOT NULL,
  epoch bigint NOT NULL,
  machine text NOT NULL,
  machine_version text NOT NULL,
  -- Plain, for lists: state value as text, life cycle, counters. Never context.
  state text NOT NULL,
  status text NOT NULL CHECK (status IN ('active', 'done', 'quarantined')),
  episode int NOT NULL,
  held int NOT NULL,
  -- The sealed envelope.
  body bytea NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (actor, next_offset)
);
SELECT prosa_protect('actor_snapshots');
CREATE INDEX actor_snapshots_by_tenant ON actor_snapshots (tenant, updated_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON actor_snapshots TO prosa_worker;
GRANT SELECT ON actor_snapshots TO prosa_api;

-- One row per partition of the actors' topic. No tenant: a partition is shared.
CREATE TABLE actor_partitions (
  partition int PRIMARY KEY,
  epoch bigint NOT NULL DEFAULT 0,
  -- Offset up to which snapshots were written.
  progress bigint NOT NULL DEFAULT 0,
  -- Take-overs that began at `suspect_start` without any progress since.
  suspect_start bigint,
  suspect_count int NOT NULL DEFAULT 0,
  -- The record being applied, while records are applied one by one under suspicion.
  attempt_offset bigint,
  attempt_count int NOT NULL DEFAULT 0
);
GRANT SELECT, INSERT, UPDATE ON actor_partitions TO prosa_worker;
GRANT SELECT ON actor_partitions TO prosa_api;

-- Which actors have begun, and at which offset: kept apart from the snapshots, which are a cache and
-- may be deleted, so that an actor that lost its snapshot is never taken for a new one.
CREATE TABLE actors_begun (
  tenant text NOT NULL,
  actor text PRIMARY KEY,
  begun_offset bigint NOT NULL
);
SELECT prosa_protect('actors_begun');
GRANT SELECT, INSERT, UPDATE ON actors_begun TO prosa_worker;
