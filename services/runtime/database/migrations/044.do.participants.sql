-- Inscriptions. Truth, not cache. A CPF and an e-mail address are known by their keyed hashes alone.
CREATE TABLE participants (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  person text NOT NULL,
  conversation text NOT NULL,
  -- Id of the profile in the tenant's settings.
  profile text NOT NULL,
  cpf_index text NOT NULL,
  email_index text NOT NULL,
  -- The inscription, sealed in (tenant, id, 'participant', id).
  sealed bytea NOT NULL,
  -- The effect that wrote this last.
  saved_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
SELECT prosa_protect('participants');
-- The hashes differ by tenant, so that uniqueness of them is uniqueness within a tenant.
CREATE UNIQUE INDEX participants_by_cpf ON participants (cpf_index);
CREATE UNIQUE INDEX participants_by_email ON participants (email_index);
CREATE INDEX participants_by_person ON participants (person);
CREATE INDEX participants_listed ON participants (tenant, created_at, id) WHERE profile <> '';
GRANT SELECT, INSERT, UPDATE, DELETE ON participants TO prosa_worker;
GRANT SELECT, DELETE ON participants TO prosa_api;

-- Keyed hashes of the words of their names (services/runtime/contact-names.ts).
CREATE TABLE participant_words (
  tenant text NOT NULL,
  word_index text NOT NULL,
  participant text NOT NULL REFERENCES participants (id) ON DELETE CASCADE,
  PRIMARY KEY (word_index, participant)
);
SELECT prosa_protect('participant_words');
CREATE INDEX participant_words_by_participant ON participant_words (participant);
GRANT SELECT, INSERT, DELETE ON participant_words TO prosa_worker;
GRANT SELECT, DELETE ON participant_words TO prosa_api;
