-- Signs of life by instance, for the watchdog ("connected but deaf"). Cache: made of the log by the
-- projection; every write is a merge that may be repeated.
CREATE TABLE instance_traffic (
  tenant text NOT NULL,
  instance text PRIMARY KEY,
  -- Last thing that came in: a message, an echo, a status.
  heard_at timestamptz,
  -- First and last send that nothing came in after.
  unanswered_from timestamptz,
  unanswered_to timestamptz
);
SELECT prosa_protect('instance_traffic');
GRANT SELECT, INSERT, UPDATE ON instance_traffic TO prosa_worker;
GRANT SELECT ON instance_traffic TO prosa_api;
