-- The tenants' own endpoints, which are told what happens.
CREATE TABLE webhooks (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  -- Types of records that it is told of.
  events text[] NOT NULL,
  includes_content boolean NOT NULL,
  -- URL and signing secret, sealed under the tenant's own key: either may let somebody in.
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL,
  -- Since when nothing has arrived any more.
  failing_since timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  deleted_at timestamptz
);
SELECT prosa_protect('webhooks');
CREATE INDEX webhooks_by_tenant ON webhooks (tenant, created_at);
GRANT SELECT, UPDATE ON webhooks TO prosa_worker;
GRANT SELECT, INSERT, UPDATE ON webhooks TO prosa_api;

CREATE TABLE webhook_deliveries (
  tenant text NOT NULL,
  -- The same at every attempt; receivers deduplicate by it.
  id text PRIMARY KEY,
  webhook text NOT NULL REFERENCES webhooks (id),
  type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  -- The record as on the log, personal parts sealed; null for a test and once it is settled.
  record bytea,
  status text NOT NULL CHECK (status IN ('queued', 'delivered', 'failed')),
  attempts int NOT NULL DEFAULT 0,
  -- Of the last attempt.
  http_status int,
  code text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL
);
ALTER TABLE webhook_deliveries ALTER COLUMN record SET STORAGE EXTERNAL;
SELECT prosa_protect('webhook_deliveries');
CREATE INDEX webhook_deliveries_by_due ON webhook_deliveries (due_at) WHERE status = 'queued';
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (updated_at) WHERE status <> 'queued';
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook, created_at, id);
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO prosa_worker;
GRANT SELECT, INSERT ON webhook_deliveries TO prosa_api;
