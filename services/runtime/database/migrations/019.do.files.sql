-- Files (media in both directions). Their bytes are sealed in the object store; what is known of them is here.
CREATE TABLE files (
  tenant text NOT NULL REFERENCES tenants,
  id text NOT NULL,
  -- Whose it is: a conversation, or the tenant's own subject for what was uploaded.
  actor text NOT NULL,
  -- Its name in the object store. No two writes share one.
  object text NOT NULL,
  bytes bigint NOT NULL,
  mimetype text NOT NULL,
  -- Sealed: file name and hash.
  about bytea NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, id)
);
SELECT prosa_protect('files');

-- Objects that no file names (yet): of writes that go on, broke off, or came second. Swept when old.
CREATE TABLE file_leftovers (
  tenant text NOT NULL,
  object text NOT NULL,
  since timestamptz NOT NULL,
  PRIMARY KEY (object)
);
SELECT prosa_protect('file_leftovers');
CREATE INDEX file_leftovers_by_age ON file_leftovers (since);

GRANT SELECT, INSERT ON files TO prosa_worker, prosa_api;
GRANT SELECT, INSERT, DELETE, UPDATE ON file_leftovers TO prosa_worker, prosa_api;

-- What became of the file of a message, by the event id of the message. Part of the projection: a cache of the log.
CREATE TABLE message_files (
  tenant text NOT NULL,
  conversation text NOT NULL,
  message_id text NOT NULL,
  -- Null when the file could not be had, for `reason`.
  file_id text,
  mimetype text,
  bytes bigint,
  reason text,
  PRIMARY KEY (tenant, message_id)
);
SELECT prosa_protect('message_files');
GRANT SELECT, INSERT, UPDATE, DELETE ON message_files TO prosa_worker;
GRANT SELECT ON message_files TO prosa_api;
