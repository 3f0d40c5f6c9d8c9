-- `answered_at` is Postgres' own time, by which those are found whose process did not tell them. What the record of an
-- answer says is the time of the process that answered; null where a process of before wrote it into `answered_at`.
ALTER TABLE effects ADD COLUMN occurred_at timestamptz;
