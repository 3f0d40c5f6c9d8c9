-- Messages that were asked for in one call. The row says what the call was answered, so that the same call
-- is answered the same; what becomes of each message is told by the message.
CREATE TABLE message_batches (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  -- Keyed hash of what was asked for.
  fingerprint text NOT NULL,
  -- For each message, in order, its id, or the status, code and words of its refusal. Nothing personal.
  items jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
SELECT prosa_protect('message_batches');
GRANT SELECT, INSERT ON message_batches TO prosa_api;
