-- The API.

-- Keyed hash of what was asked for: the same idempotency key with another message is refused.
ALTER TABLE message_requests ADD COLUMN fingerprint text;

-- Keys of a tenant, for lists.
CREATE INDEX api_keys_by_tenant ON api_keys (tenant, created_at);
