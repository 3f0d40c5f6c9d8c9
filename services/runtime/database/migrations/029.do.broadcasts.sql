-- Broadcasts: one content to many people, at a pace. Truth, not cache.

CREATE TABLE broadcasts (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  name text,
  instance text NOT NULL,
  -- The line that it is a broadcast of: its chats.
  line text NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'running', 'paused', 'stopped', 'expired', 'failed', 'finished')),
  -- Stable code of why it failed.
  reason text,
  -- What the people have in common who are looked for; null when they are named.
  segment jsonb,
  -- The conversation up to which they were looked for, and whether all were.
  gathered_to text NOT NULL DEFAULT '',
  is_gathered boolean NOT NULL,
  -- How many there are; bounded where it grows.
  recipients int NOT NULL DEFAULT 0,
  -- Sealed under the tenant's own key in (tenant, id, 'broadcast.content', id).
  content bytea NOT NULL,
  -- Names of the variables in it.
  variables text[] NOT NULL,
  per_minute int NOT NULL,
  starts_at timestamptz,
  expires_at timestamptz,
  -- When the next message is due.
  next_due_at timestamptz,
  -- When it is to be looked at; null when there is nothing to be done. A look is its process's until `lease_until`,
  -- and writes only while no other was begun since (`turn`).
  wake_at timestamptz,
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  turn bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  ended_at timestamptz
);
SELECT prosa_protect('broadcasts');
CREATE INDEX broadcasts_by_wake ON broadcasts (wake_at) WHERE wake_at IS NOT NULL;
-- For the list alone: only who repeats the condition is offered the index (013 has the reason).
CREATE INDEX broadcasts_listed ON broadcasts (tenant, created_at, id) WHERE per_minute > 0;
GRANT SELECT, INSERT, UPDATE ON broadcasts TO prosa_api;
GRANT SELECT, UPDATE ON broadcasts TO prosa_worker;

-- Who gets one. Nothing here begins with the tenant, so that no statement takes an index by it.
CREATE TABLE broadcast_recipients (
  tenant text NOT NULL,
  broadcast text NOT NULL REFERENCES broadcasts (id),
  conversation text NOT NULL,
  person text NOT NULL,
  -- The order in which they were named, and are written to.
  position bigint GENERATED ALWAYS AS IDENTITY,
  -- `handed` is on its way as an ordinary message, `settled` was; what became of it is told by its message.
  status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'handed', 'settled', 'skipped')),
  -- Stable code of why nothing is sent.
  reason text,
  -- Of `message_requests`, while there is one.
  message_id text,
  due_at timestamptz,
  -- Sealed in (tenant, conversation, 'broadcast.variables', broadcast).
  variables bytea,
  PRIMARY KEY (broadcast, conversation)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
SELECT prosa_protect('broadcast_recipients');
CREATE INDEX broadcast_recipients_open ON broadcast_recipients (broadcast, status, position)
  WHERE status IN ('waiting', 'handed');
GRANT SELECT, INSERT, UPDATE ON broadcast_recipients TO prosa_api, prosa_worker;

-- Broadcasts hand over what is due soon; who pauses one takes back what is not due yet.
GRANT INSERT ON message_requests TO prosa_worker;
GRANT DELETE ON message_requests TO prosa_api;

-- The chats of a line, in the order of their ids.
CREATE INDEX conversations_by_line ON conversations (line, id);
