-- Who wrote a message of our own account is told by what we sent: ingest looks where the provider does not say.
GRANT SELECT (tenant, id, conversation, kind, status, reason, uncertain, claimed_at, first_claimed_at, settled_at,
  client_message_id, provider_message_index) ON deliveries TO prosa_ingest;

-- What may have been sent under an id that nobody told us: few. By its condition alone, which says nothing of the
-- status, lest the index by status be taken in its place.
CREATE INDEX deliveries_unidentified ON deliveries (conversation)
  WHERE provider_message_index IS NULL AND settled_at IS NOT NULL;

-- What votes in polls are read with: the secret that came with the poll, and its options. Sealed.
ALTER TABLE baileys_messages DROP CONSTRAINT baileys_messages_kind_check;
ALTER TABLE baileys_messages ADD CONSTRAINT baileys_messages_kind_check CHECK (kind IN ('sent', 'file', 'poll'));
