-- The API key with which the configuration in force was set; null when set-up did it, which does it again at each start.
ALTER TABLE tenants ADD COLUMN configured_by text;
GRANT UPDATE (configured_by) ON tenants TO prosa_api;
