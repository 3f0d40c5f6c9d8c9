-- How far the tables of a group follow its topic: moved in the transaction that writes their rows. Where Postgres was set
-- back, the group's offset on the log is ahead of it, and what is missing is read again.
CREATE TABLE queue_progress (
  consumer_group text NOT NULL,
  partition int NOT NULL,
  next_offset bigint NOT NULL,
  PRIMARY KEY (consumer_group, partition)
);
GRANT SELECT, INSERT, UPDATE ON queue_progress TO prosa_worker;
