-- Conversations that turned out to be one chat (services/runtime/actor/merge.ts, services/runtime/directory).

ALTER TABLE actor_snapshots DROP CONSTRAINT actor_snapshots_status_check;
ALTER TABLE actor_snapshots ADD CONSTRAINT actor_snapshots_status_check
  CHECK (status IN ('active', 'done', 'quarantined', 'merged'));

-- Where it goes on, and when that was last decided or undone: of decisions that are read in another
-- order (the log is read again) the newest counts.
ALTER TABLE conversations ADD COLUMN merged_into text REFERENCES conversations (id);
ALTER TABLE conversations ADD COLUMN merge_decided_at timestamptz;
-- Which conversation the address was found with first: there it goes back when a merge is undone.
ALTER TABLE addresses ADD COLUMN begun_under text REFERENCES conversations (id);
CREATE INDEX addresses_by_origin ON addresses (begun_under) WHERE begun_under IS NOT NULL;
GRANT UPDATE (merged_into, merge_decided_at) ON conversations TO prosa_worker;
GRANT UPDATE (conversation, sealed, begun_under) ON addresses TO prosa_worker;
