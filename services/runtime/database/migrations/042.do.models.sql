-- Language models: the tenants' own keys, what they spend, and answers that are kept.

CREATE TABLE model_credentials (
  tenant text NOT NULL REFERENCES tenants,
  -- The one address that the key is presented at.
  base_url text NOT NULL,
  -- Sealed under the tenant's own key.
  sealed bytea NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, base_url)
);
SELECT prosa_protect('model_credentials');
GRANT SELECT ON model_credentials TO prosa_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON model_credentials TO prosa_api;

-- One row per tenant and day (UTC), in millionths of the tenant's currency unit.
CREATE TABLE model_spending (
  tenant text NOT NULL,
  day date NOT NULL,
  spent bigint NOT NULL DEFAULT 0,
  -- Of calls that are under way. What a process that died had reserved stays until the day is over.
  reserved bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, day)
) WITH (fillfactor = 50);
SELECT prosa_protect('model_spending');
GRANT SELECT, INSERT, UPDATE, DELETE ON model_spending TO prosa_worker;

-- Answers to frequent questions, none of them personal.
CREATE TABLE kept_answers (
  tenant text NOT NULL,
  -- Keyed hash of revision, language, question and sections.
  key text NOT NULL,
  sealed bytea NOT NULL,
  kept_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, key)
);
SELECT prosa_protect('kept_answers');
CREATE INDEX kept_answers_by_age ON kept_answers (tenant, kept_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON kept_answers TO prosa_worker;
