-- Several instances may share a webhook: those of one Meta app do. An account is at most once behind a
-- token; of the other providers, which name no number, a token is of one instance.
ALTER TABLE instances DROP CONSTRAINT instances_webhook_token_hash_key;
CREATE UNIQUE INDEX instances_by_token ON instances (webhook_token_hash, coalesce(settings->>'phoneNumberId', ''))
  WHERE deleted_at IS NULL;
