-- Files of messages that are still to be fetched from the provider. A queue: rows go when it is settled.
CREATE TABLE media_fetches (
  tenant text NOT NULL,
  -- Event id of the message.
  event_id text NOT NULL,
  actor text NOT NULL,
  type text NOT NULL,
  instance text NOT NULL,
  kind text NOT NULL,
  revision text,
  -- The message as its record has it: sealed for (actor, type, event_id).
  sealed bytea NOT NULL,
  occurred_at timestamptz NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  -- When to try (again). A claim puts it off, so that it comes back when the process dies.
  due_at timestamptz NOT NULL,
  PRIMARY KEY (event_id)
);
ALTER TABLE media_fetches ALTER COLUMN sealed SET STORAGE EXTERNAL;
SELECT prosa_protect('media_fetches');
CREATE INDEX media_fetches_by_due ON media_fetches (due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON media_fetches TO prosa_worker;
