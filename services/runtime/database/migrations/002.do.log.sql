-- The log of the `postgres` adapter (services/runtime/log/adapters/postgres).
--
-- Values are sealed and headers plain, so there is no tenant column and no row-level security here.
-- A partition's row is the only source of its offsets: whoever appends locks it until commit, so
-- offsets become visible in their order.

CREATE SCHEMA log;
GRANT USAGE ON SCHEMA log TO prosa_ingest, prosa_worker, prosa_api;

-- Names this log, so that handles of one process on the same log can wake one another.
CREATE TABLE log.identity (id uuid NOT NULL DEFAULT gen_random_uuid());
INSERT INTO log.identity DEFAULT VALUES;

CREATE TABLE log.topics (
  topic text PRIMARY KEY,
  partition_count integer NOT NULL CHECK (partition_count > 0)
);

CREATE TABLE log.partitions (
  topic text NOT NULL REFERENCES log.topics,
  partition integer NOT NULL,
  -- Oldest offset still held.
  start_offset bigint NOT NULL DEFAULT 0,
  -- Offset of the next record; as a reader sees it, the stable end.
  next_offset bigint NOT NULL DEFAULT 0,
  -- Epoch ms of the newest record: timestamps of a partition never go back, so they can be bisected.
  last_appended_at bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500);

CREATE TABLE log.records (
  topic text NOT NULL,
  partition integer NOT NULL,
  record_offset bigint NOT NULL,
  key text NOT NULL,
  value bytea NOT NULL,
  -- JSON text: unlike jsonb it holds every string that JSON can.
  headers text NOT NULL,
  -- Key, value and headers, in bytes.
  bytes integer NOT NULL,
  appended_at bigint NOT NULL,
  PRIMARY KEY (topic, partition, record_offset)
);
-- Sealed values do not compress.
ALTER TABLE log.records ALTER COLUMN value SET STORAGE EXTERNAL;

-- Members of consumer groups. A lease that ran out is never renewed: its member is gone for good.
CREATE TABLE log.members (
  member text PRIMARY KEY,
  consumer_group text NOT NULL,
  topic text NOT NULL REFERENCES log.topics,
  client text NOT NULL,
  lease_until timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500);

-- Grows whenever members or owners of a group change; others look again when it did.
CREATE TABLE log.groups (
  consumer_group text NOT NULL,
  topic text NOT NULL REFERENCES log.topics,
  generation bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (consumer_group, topic)
);

-- Where a group is on a partition and who may move it on. Each ownership has an epoch of its own;
-- a commit is valid under the newest epoch only.
CREATE TABLE log.cursors (
  consumer_group text NOT NULL,
  topic text NOT NULL,
  partition integer NOT NULL,
  committed_offset bigint,
  epoch bigint NOT NULL DEFAULT 0,
  owner text,
  PRIMARY KEY (consumer_group, topic, partition),
  FOREIGN KEY (topic, partition) REFERENCES log.partitions
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500);

GRANT SELECT ON log.identity TO prosa_ingest, prosa_worker, prosa_api;
GRANT SELECT, INSERT ON log.topics, log.records TO prosa_ingest, prosa_worker, prosa_api;
GRANT SELECT, INSERT, UPDATE ON log.partitions, log.groups, log.cursors TO prosa_ingest, prosa_worker, prosa_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON log.members TO prosa_ingest, prosa_worker, prosa_api;
