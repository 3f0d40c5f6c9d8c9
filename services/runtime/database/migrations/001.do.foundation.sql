-- Tenants, roles and what every service needs: configuration, API keys, instances, the vault's
-- keys, the directory.
--
-- Rule for every table with a `tenant` column: row-level security enabled and forced, with the
-- policy that prosa_protect() makes. A test finds tables that break it.

DO $$
BEGIN
  -- Roles belong to the cluster, not to the database, so another database may have made them.
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prosa_ingest') THEN CREATE ROLE prosa_ingest NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prosa_worker') THEN CREATE ROLE prosa_worker NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prosa_api') THEN CREATE ROLE prosa_api NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database made them at this moment
END $$;

GRANT USAGE ON SCHEMA public TO prosa_ingest, prosa_worker, prosa_api;

-- Tenants that the transaction declared; none when it declared none.
CREATE FUNCTION app_tenants() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_to_array(coalesce(current_setting('app.tenants', true), ''), ',') $$;

CREATE FUNCTION prosa_protect(protected regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', protected);
  EXECUTE format('CREATE POLICY tenant_declared ON %s USING (tenant = ANY (app_tenants())) WITH CHECK (tenant = ANY (app_tenants()))', protected);
END $$;

-- The registry of tenants itself holds nothing personal and is readable by all services.
CREATE TABLE tenants (
  id text PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,40}$'),
  name text NOT NULL,
  revision text,
  created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON tenants TO prosa_ingest, prosa_worker, prosa_api;
GRANT UPDATE (revision), INSERT ON tenants TO prosa_api;

-- Configuration, immutable by revision (content hash).
CREATE TABLE configurations (
  tenant text NOT NULL REFERENCES tenants,
  revision text NOT NULL,
  body jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, revision)
);
SELECT prosa_protect('configurations');
GRANT SELECT ON configurations TO prosa_ingest, prosa_worker, prosa_api;
GRANT INSERT ON configurations TO prosa_api;

-- API keys. A request that holds a key may find its row before its tenant is known.
CREATE TABLE api_keys (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('admin', 'operator', 'analyst', 'auditor', 'ingest')),
  key_hash text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);
SELECT prosa_protect('api_keys');
CREATE POLICY key_presented ON api_keys FOR SELECT USING (key_hash = current_setting('app.presented', true));
GRANT SELECT, INSERT, UPDATE ON api_keys TO prosa_api;

-- Lines (numbers of a tenant) and the provider instances that serve them, one at a time.
CREATE TABLE instances (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  line text NOT NULL,
  provider text NOT NULL,
  name text NOT NULL,
  webhook_token_hash text NOT NULL UNIQUE,
  -- Settings without secrets (base URL, session, engine).
  settings jsonb NOT NULL,
  -- Credentials and the webhook token, sealed under the tenant's own key.
  credentials bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  UNIQUE (tenant, name)
);
SELECT prosa_protect('instances');
CREATE POLICY token_presented ON instances FOR SELECT USING (webhook_token_hash = current_setting('app.presented', true));
GRANT SELECT ON instances TO prosa_ingest, prosa_worker;
GRANT SELECT, INSERT, UPDATE ON instances TO prosa_api;

-- The vault's data keys. A row is never deleted: `erased` must be told from `never was`.
CREATE TABLE vault_keys (
  tenant text NOT NULL REFERENCES tenants,
  id uuid PRIMARY KEY,
  person text NOT NULL,
  month text NOT NULL CHECK (month ~ '^\d{4}-\d{2}$'),
  state text NOT NULL CHECK (state IN ('active', 'held', 'erased')),
  wrapped bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  erased_at timestamptz,
  CHECK ((state = 'erased') = (wrapped IS NULL)),
  UNIQUE (tenant, person, month)
);
SELECT prosa_protect('vault_keys');
GRANT SELECT, INSERT ON vault_keys TO prosa_ingest, prosa_worker, prosa_api;
GRANT UPDATE (state, wrapped, erased_at) ON vault_keys TO prosa_api;

-- The directory. Addresses are found by a keyed hash and kept sealed.
CREATE TABLE conversations (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  line text NOT NULL,
  person text NOT NULL,
  is_group boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
SELECT prosa_protect('conversations');
CREATE INDEX conversations_by_person ON conversations (tenant, person);

CREATE TABLE addresses (
  tenant text NOT NULL REFERENCES tenants,
  line text NOT NULL,
  address_index text NOT NULL,
  conversation text NOT NULL REFERENCES conversations (id),
  -- 'pn', 'lid', 'group', 'other': which is preferred for sending.
  kind text NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, line, address_index)
);
SELECT prosa_protect('addresses');
CREATE INDEX addresses_by_conversation ON addresses (tenant, conversation);
GRANT SELECT, INSERT ON conversations, addresses TO prosa_ingest, prosa_api;
GRANT SELECT ON conversations, addresses TO prosa_worker;
