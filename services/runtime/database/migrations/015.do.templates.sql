-- Message templates of the tenants' WhatsApp Business Accounts, as of the last time they were asked for.
-- A cache of Meta's: written by the API, read by the sender. Texts of the business; nothing personal.
CREATE TABLE templates (
  tenant text NOT NULL REFERENCES tenants,
  business_account text NOT NULL,
  name text NOT NULL,
  language text NOT NULL,
  -- Meta's id.
  id text NOT NULL,
  category text NOT NULL,
  status text NOT NULL,
  -- As Meta has them: HEADER, BODY, FOOTER, BUTTONS.
  components jsonb NOT NULL,
  synced_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, name, language, business_account)
);
SELECT prosa_protect('templates');
GRANT SELECT, INSERT, UPDATE, DELETE ON templates TO prosa_api;
GRANT SELECT ON templates TO prosa_worker;
