-- Incarnations of the log: a growth of the partition count goes on with other topics (services/set-up/grow.ts).

CREATE TABLE log_incarnations (
  number int PRIMARY KEY CHECK (number > 0),
  partition_count int NOT NULL CHECK (partition_count > 0),
  -- Above every offset of the one before: the first offset of each of its partitions.
  base_offset bigint NOT NULL CHECK (base_offset >= 0),
  created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON log_incarnations TO prosa_ingest, prosa_api;
GRANT SELECT, INSERT ON log_incarnations TO prosa_worker;

-- The postgres log: the end of a partition that takes no more records.
ALTER TABLE log.partitions ADD COLUMN held_at bigint CHECK (next_offset <= held_at);
