-- What goes with a person's keys, or with time: files (services/runtime/blobs/file-removals.ts), and the addresses by
-- which somebody who was erased would be known again (services/runtime/directory).

-- A file that is gone stays a row without object and name, so that nobody takes it for one that never was.
ALTER TABLE files ALTER COLUMN object DROP NOT NULL;
ALTER TABLE files ALTER COLUMN about DROP NOT NULL;
ALTER TABLE files ADD COLUMN gone text CHECK (gone IN ('erased', 'expired'));
ALTER TABLE files ADD COLUMN gone_at timestamptz;
-- Id of the key that seals it, as the sealed bytes have it.
ALTER TABLE files ADD COLUMN key bytea GENERATED ALWAYS AS (substring(about FROM 2 FOR 16)) STORED;
-- Both begin with the tenant, as the primary key does, but no other statement repeats their conditions or columns.
CREATE INDEX files_by_key ON files (tenant, key) WHERE key IS NOT NULL;
CREATE INDEX files_by_age ON files (tenant, created_at) WHERE gone IS NULL;
GRANT UPDATE (object, about, gone, gone_at) ON files TO prosa_worker;

-- When the last file of an erased key was removed; null while there may be more.
ALTER TABLE vault_keys ADD COLUMN files_gone_at timestamptz;
CREATE INDEX vault_keys_files_pending ON vault_keys (tenant, erased_at) WHERE state = 'erased' AND files_gone_at IS NULL;
GRANT UPDATE (files_gone_at) ON vault_keys TO prosa_worker;

GRANT DELETE ON addresses TO prosa_ingest;

-- Of a copy that a merged conversation forwarded: the message that it is of. What became of its file is told of that.
ALTER TABLE messages ADD COLUMN copy_of text;
