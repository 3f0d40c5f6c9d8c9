-- The projection: journal, history and contacts. All of it is a cache of the log: emptying every
-- table here, while the service is stopped or running, makes it read the log again (see
-- services/projection/projection.ts).

-- What happened to each actor, as the bytes on the log: what is personal is sealed inside.
CREATE TABLE journal (
  tenant text NOT NULL,
  actor text NOT NULL,
  partition int NOT NULL,
  record_offset bigint NOT NULL,
  -- Its place among the actor's records, from 1: says when a snapshot is due without counting.
  record_number bigint NOT NULL,
  event_id text NOT NULL,
  type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (actor, record_offset)
);
-- Sealed values do not compress.
ALTER TABLE journal ALTER COLUMN value SET STORAGE EXTERNAL;
SELECT prosa_protect('journal');
-- Quarantines that the host ordered: rare, and each concerns records before it.
CREATE INDEX journal_quarantines ON journal (actor, record_offset) WHERE type = 'conversation.quarantined';

-- Actors as the fold of their journal left them, every 200 records. Each is a function of the journal:
-- one that is missing, or does not open, is folded again from an earlier one or from the start.
CREATE TABLE journal_snapshots (
  tenant text NOT NULL,
  actor text NOT NULL,
  partition int NOT NULL,
  -- Offset after the last record folded.
  next_offset bigint NOT NULL,
  -- Number of that record: how many records of the journal it is the fold of.
  records bigint NOT NULL,
  -- The sealed envelope.
  body bytea NOT NULL,
  PRIMARY KEY (actor, next_offset)
);
ALTER TABLE journal_snapshots ALTER COLUMN body SET STORAGE EXTERNAL;
SELECT prosa_protect('journal_snapshots');

-- The journal holds every readable record of a partition before `next_offset`. No tenant: a partition is shared.
CREATE TABLE journal_progress (
  partition int PRIMARY KEY,
  next_offset bigint NOT NULL
);

-- The same for replies.
CREATE TABLE history_progress (
  partition int PRIMARY KEY,
  next_offset bigint NOT NULL
);

-- One row per record that carries a message. The text is where the record has it: sealed in `sealed`
-- for (`sealed_type`, `id`). `stable_index` is the keyed hash of the provider's id of the message.
CREATE TABLE messages (
  tenant text NOT NULL,
  conversation text NOT NULL,
  id text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('in', 'out')),
  -- Who made it: the person, a machine, the API, an operator, a broadcast, the phone (`app`), or not known.
  origin text NOT NULL,
  -- Of two rows about one message the one with the lower precedence is shown: an echo is the shadow of its reply.
  precedence int NOT NULL,
  kind text NOT NULL,
  instance text NOT NULL,
  at timestamptz NOT NULL,
  -- Order among messages of one millisecond: what the actor was told (lane 0) before what it replied
  -- (lane 1), each in the order of the log.
  lane int NOT NULL,
  record_offset bigint NOT NULL,
  request_id text,
  stable_index text,
  sealed_type text NOT NULL,
  sealed bytea,
  PRIMARY KEY (tenant, id)
);
SELECT prosa_protect('messages');
CREATE INDEX messages_by_time ON messages (tenant, at, id);
CREATE INDEX messages_by_conversation ON messages (tenant, conversation, at, lane, record_offset);
CREATE INDEX messages_by_stable_index ON messages (tenant, conversation, stable_index) WHERE stable_index IS NOT NULL;

-- Edits, revocations, reactions and votes, by the stable index of the message that they change.
CREATE TABLE message_changes (
  tenant text NOT NULL,
  conversation text NOT NULL,
  id text NOT NULL,
  target_index text NOT NULL,
  change text NOT NULL,
  at timestamptz NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (tenant, id)
);
SELECT prosa_protect('message_changes');
CREATE INDEX message_changes_by_target ON message_changes (tenant, conversation, target_index);

-- The furthest status known under each of the two ids that a status can come by: the delivery (event
-- id of the reply) or the stable index. A mark may be there before what it marks; the greater rank
-- wins, so that no order of arrival matters (ranks: services/projection/status.ts).
CREATE TABLE message_marks (
  tenant text NOT NULL,
  conversation text NOT NULL,
  mark text NOT NULL,
  status text NOT NULL,
  rank bigint NOT NULL,
  reason text,
  at timestamptz NOT NULL,
  event_id text NOT NULL,
  PRIMARY KEY (tenant, conversation, mark)
);
SELECT prosa_protect('message_marks');

-- Stable indexes under which a delivery is known at the provider; more than one after a repeated send.
CREATE TABLE message_links (
  tenant text NOT NULL,
  conversation text NOT NULL,
  delivery_id text NOT NULL,
  stable_index text NOT NULL,
  PRIMARY KEY (tenant, conversation, delivery_id, stable_index)
);
SELECT prosa_protect('message_links');
CREATE INDEX message_links_by_stable_index ON message_links (tenant, conversation, stable_index);

-- Messages as people read them: once each, with the furthest status of what we sent.
CREATE VIEW message_history WITH (security_invoker = true) AS
SELECT m.*, mark.status, mark.reason, mark.at AS status_at
FROM messages m
LEFT JOIN LATERAL (
  SELECT k.status, k.reason, k.at
  FROM message_marks k
  WHERE m.direction = 'out' AND k.tenant = m.tenant AND k.conversation = m.conversation
    AND (k.mark = m.id OR k.mark = m.stable_index OR k.mark IN (
      SELECT l.stable_index FROM message_links l
      WHERE l.tenant = m.tenant AND l.conversation = m.conversation AND l.delivery_id = m.id
    ))
  ORDER BY k.rank DESC, k.event_id DESC
  LIMIT 1
) mark ON true
WHERE m.stable_index IS NULL OR NOT EXISTS (
  SELECT FROM messages o
  WHERE o.tenant = m.tenant AND o.conversation = m.conversation AND o.stable_index = m.stable_index
    AND o.direction = m.direction AND (o.precedence, o.id) < (m.precedence, m.id)
) AND NOT EXISTS (
  SELECT FROM message_links l
  WHERE m.precedence > 0 AND l.tenant = m.tenant AND l.conversation = m.conversation
    AND l.stable_index = m.stable_index
);

-- People as they are known in a conversation.
CREATE TABLE contacts (
  tenant text NOT NULL,
  person text NOT NULL,
  conversation text NOT NULL,
  -- Name that the person chose at WhatsApp, sealed in ('contact.name', `name_event`).
  name_sealed bytea,
  name_event text,
  -- Offset of the record that brought the name; a later one replaces it.
  name_offset bigint,
  name_index text,
  first_seen_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, conversation, person)
);
SELECT prosa_protect('contacts');
CREATE INDEX contacts_by_person ON contacts (tenant, person);

-- Keyed hashes of the words of a name and of their beginnings. A table and not an array: equality of
-- text is leakproof, so that row-level security lets the index be used.
CREATE TABLE contact_words (
  tenant text NOT NULL,
  conversation text NOT NULL,
  word_index text NOT NULL,
  PRIMARY KEY (tenant, word_index, conversation)
);
SELECT prosa_protect('contact_words');
CREATE INDEX contact_words_by_conversation ON contact_words (tenant, conversation);

GRANT SELECT, INSERT, UPDATE, DELETE ON journal, journal_progress, journal_snapshots, history_progress, messages,
  message_changes, message_marks, message_links, contacts, contact_words TO prosa_worker;
GRANT SELECT ON journal, journal_progress, journal_snapshots, history_progress, messages, message_changes, message_marks,
  message_links, message_history, contacts, contact_words TO prosa_api;
GRANT SELECT ON message_history TO prosa_worker;
