-- Sessions that the Baileys gateway holds. Truth: losing the keys unlinks the account.

-- One row per instance. Everything that its owner writes is under `epoch`, which grows with every owner.
CREATE TABLE baileys_sessions (
  tenant text NOT NULL REFERENCES tenants,
  instance text PRIMARY KEY REFERENCES instances (id),
  -- False: it stays as it is until somebody asks for a connection.
  wanted boolean NOT NULL,
  state text NOT NULL DEFAULT 'stopped',
  reason text,
  epoch bigint NOT NULL DEFAULT 0,
  owner text,
  -- Where the owner is reached by the other gateways.
  owner_url text,
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  -- Of the newest event, and of the newest one that ingest has.
  sequence bigint NOT NULL DEFAULT 0,
  posted bigint NOT NULL DEFAULT 0
);
SELECT prosa_protect('baileys_sessions');
CREATE INDEX baileys_sessions_due ON baileys_sessions (lease_until) WHERE wanted OR sequence > posted;
GRANT SELECT, INSERT, UPDATE ON baileys_sessions TO prosa_worker;
GRANT SELECT ON baileys_sessions TO prosa_api;

-- Credentials and keys (Baileys' AuthenticationState), and what was received but is not yet an event. Ids
-- hold phone numbers, so they are keyed hashes; values are sealed.
CREATE TABLE baileys_keys (
  tenant text NOT NULL,
  instance text NOT NULL REFERENCES baileys_sessions,
  kind text NOT NULL,
  id text NOT NULL,
  -- Of what was received: which message it is a part of.
  message text,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (instance, kind, id)
);
SELECT prosa_protect('baileys_keys');
CREATE INDEX baileys_keys_received ON baileys_keys (instance, message) WHERE message IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON baileys_keys TO prosa_worker;

-- Events on their way to ingest, in their order; a row goes when ingest has it.
CREATE TABLE baileys_events (
  tenant text NOT NULL,
  instance text NOT NULL REFERENCES baileys_sessions,
  sequence bigint NOT NULL,
  id text NOT NULL,
  epoch bigint NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (instance, sequence)
);
SELECT prosa_protect('baileys_events');
GRANT SELECT, INSERT, DELETE ON baileys_events TO prosa_worker;

-- Messages for some days: what was asked to be sent and what became of it (sealed: its content, for
-- recipients who ask for it again), and where the files of received ones lie.
CREATE TABLE baileys_messages (
  tenant text NOT NULL,
  instance text NOT NULL REFERENCES baileys_sessions,
  -- Keyed hash of the message id.
  id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('sent', 'file')),
  status text NOT NULL,
  code text,
  sealed bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (instance, kind, id)
);
SELECT prosa_protect('baileys_messages');
CREATE INDEX baileys_messages_by_age ON baileys_messages (created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON baileys_messages TO prosa_worker;
