-- Progress is tentative until its slice commits on the log: what was committed before stands beside it.
-- When Postgres is set back, a log that committed neither of the two shows that writes are missing.
ALTER TABLE actor_partitions ADD COLUMN committed bigint NOT NULL DEFAULT 0;
UPDATE actor_partitions SET committed = progress;
