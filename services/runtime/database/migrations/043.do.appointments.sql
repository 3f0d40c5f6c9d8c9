-- Appointments, and the times that are kept while somebody decides. Truth, not cache.

-- Equality within an exclusion constraint. Part of Postgres (contrib), trusted: who may create in the database may.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE appointments (
  tenant text NOT NULL REFERENCES tenants,
  id text PRIMARY KEY,
  person text NOT NULL,
  -- Where it was asked for.
  conversation text NOT NULL,
  service text NOT NULL,
  -- Whose time it takes, as services/runtime/calendar/places.ts writes it.
  calendar text NOT NULL,
  -- Of the places that a calendar has at a time, from 1.
  seat int NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  during tstzrange GENERATED ALWAYS AS (tstzrange(starts_at, ends_at)) STORED,
  -- held (until `held_until`) → booked → cancelled, or → released. `booking`: its event is being made in a calendar
  -- outside of Postgres; it ends like what is held.
  status text NOT NULL CHECK (status IN ('held', 'booking', 'booked', 'cancelled', 'released')),
  -- The appointment that the time is for: itself, or the one that is being moved there.
  place_of text NOT NULL,
  held_until timestamptz,
  -- How often it was moved (RFC 5545 SEQUENCE), and by the hold of which time it was last.
  sequence int NOT NULL DEFAULT 0,
  moved_by text,
  -- The effect or the request that cancelled it.
  cancelled_by text,
  -- The name of whoever comes, sealed in (tenant, id, 'appointment', id).
  sealed bytea,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  -- Whether the time is taken. For the constraint alone: no statement repeats it, so that none is offered its index;
  -- planned on an empty table it would be taken, and all that was ever booked be read later (013 has the reason).
  takes boolean GENERATED ALWAYS AS (status IN ('held', 'booking', 'booked')) STORED,
  -- No place is taken twice, whoever writes. The time of an appointment and the one that it is moved to may overlap.
  CONSTRAINT appointments_once EXCLUDE USING gist
    (tenant WITH =, calendar WITH =, seat WITH =, during WITH &&, place_of WITH <>) WHERE (takes)
);
SELECT prosa_protect('appointments');
-- What is taken: the condition on seats holds for every row, and only who repeats it is offered the index, as with the list.
CREATE INDEX appointments_taken ON appointments (calendar, ends_at)
  WHERE seat > 0 AND status IN ('held', 'booking', 'booked');
CREATE INDEX appointments_by_person ON appointments (person, starts_at);
CREATE INDEX appointments_held ON appointments (conversation) WHERE status = 'held';
CREATE INDEX appointments_released ON appointments (updated_at) WHERE status = 'released';
CREATE INDEX appointments_listed ON appointments (tenant, starts_at, id) WHERE sequence >= 0;
GRANT SELECT, INSERT, UPDATE, DELETE ON appointments TO prosa_worker, prosa_api;

-- The key of a service account at Google, where a tenant has one of its own; sealed under the tenant's own key.
CREATE TABLE calendar_accounts (
  tenant text PRIMARY KEY REFERENCES tenants,
  sealed bytea NOT NULL,
  updated_at timestamptz NOT NULL
);
SELECT prosa_protect('calendar_accounts');
GRANT SELECT ON calendar_accounts TO prosa_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON calendar_accounts TO prosa_api;

-- The younger conversations that go on in one: who is asked for may have booked in any of them.
CREATE INDEX conversations_merged ON conversations (merged_into) WHERE merged_into IS NOT NULL;
